# Dot-sourced by the scripts beside it: the one way to this project's environment, from a person's shell and a runner.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '..')

function Invoke-InProject {
    if (Get-Command uv -ErrorAction SilentlyContinue) { & uv run --locked @args }
    else { & python -m uv run --locked @args }
}
