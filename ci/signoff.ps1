# ci/signoff.ps1 RUN_DIR: judges a run again from its raw evidence and renders every page. Exit status: the verdict's.
param([Parameter(Mandatory)][string]$RunDir)
. (Join-Path $PSScriptRoot 'uv.ps1')

Invoke-InProject rawrxd judge $RunDir
$verdict = $LASTEXITCODE
Invoke-InProject rawrxd report $RunDir --github
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
if ($env:GITHUB_ACTIONS) { Get-Content (Join-Path $RunDir 'github-annotations.txt') }
if ($env:GITHUB_STEP_SUMMARY) { Get-Content (Join-Path $RunDir 'github-summary.md') | Add-Content $env:GITHUB_STEP_SUMMARY }
exit $verdict
