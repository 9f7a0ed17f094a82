# ci/signoff.ps1 RUN_DIR: judges a run again from its raw evidence, renders every page, and on GitHub writes the job
# summary, an annotation for each criterion that is not met, and the output "rehearsal". With the packages of ci/allure
# installed (npm ci --ignore-scripts --prefix ci/allure) also the Allure page. Exit status: that of the verdict.
param([Parameter(Mandatory)][string]$RunDir)
. (Join-Path $PSScriptRoot 'uv.ps1')

Invoke-InProject rawrxd judge $RunDir
$verdict = $LASTEXITCODE
$forms = @('--github')
if ($env:RAWRXD_ALLURE -or (Test-Path ci/allure/node_modules)) { $forms += '--allure' }
Invoke-InProject rawrxd report $RunDir @forms
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
# Windows PowerShell takes text for the machine's code page where nobody names another.
function Read-Page([string]$Name) { Get-Content (Join-Path $RunDir $Name) -Encoding utf8 }
if ($env:GITHUB_ACTIONS) { Read-Page 'github-annotations.txt' }
if ($env:GITHUB_STEP_SUMMARY) { Read-Page 'github-summary.md' | Add-Content $env:GITHUB_STEP_SUMMARY -Encoding utf8 }
if ($env:GITHUB_OUTPUT) { Read-Page 'github-output.txt' | Add-Content $env:GITHUB_OUTPUT -Encoding utf8 }
exit $verdict
