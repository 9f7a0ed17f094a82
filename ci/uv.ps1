# Dot-sourced by the scripts beside it: the one way to this project's environment, from a person's shell and a runner.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '..')

# uv tells its children where it is.
$uv = if ($env:UV) { $env:UV } else { (Get-Command uv -ErrorAction SilentlyContinue).Source }

function Invoke-InProject {
    if ($uv) { & $uv run --locked @args } else { & python -m uv run --locked @args }
}
