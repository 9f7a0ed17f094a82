# ci/signoff.ps1 RUN_DIR: judges a run again from its raw evidence and renders every page. Exit status: the verdict's.
param([Parameter(Mandatory)][string]$RunDir)
. (Join-Path $PSScriptRoot 'uv.ps1')

Invoke-InProject rawrxd judge $RunDir
$verdict = $LASTEXITCODE
$forms = @('--github')
if ($env:RAWRXD_ALLURE -or (Test-Path ci/allure/node_modules)) { $forms += '--allure' }
Invoke-InProject rawrxd report $RunDir @forms
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
if ($env:GITHUB_ACTIONS) { Get-Content (Join-Path $RunDir 'github-annotations.txt') }
if ($env:GITHUB_STEP_SUMMARY) { Get-Content (Join-Path $RunDir 'github-summary.md') | Add-Content $env:GITHUB_STEP_SUMMARY }
if ($env:GITHUB_OUTPUT) { Get-Content (Join-Path $RunDir 'github-output.txt') | Add-Content $env:GITHUB_OUTPUT }
exit $verdict
