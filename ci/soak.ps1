# ci/soak.ps1 start|status|stop|collect RUN_DIR: the soak outside any terminal or job.
param(
    [Parameter(Mandatory)][ValidateSet('start', 'status', 'stop', 'collect')][string]$Action,
    [Parameter(Mandatory)][string]$RunDir,
    [string]$SlaProfile = $env:SLA_PROFILE,
    [string]$SlaModels = $env:SLA_MODELS,
    [string]$SlaEngine = $env:SLA_ENGINE
)
. (Join-Path $PSScriptRoot 'uv.ps1')

$arguments = @($RunDir)
if ($Action -eq 'start') {
    $arguments = @($SlaProfile, '--run-dir', $RunDir)
    if ($SlaModels) { $arguments += @('--models', $SlaModels) }
    if ($SlaEngine) { $arguments += @('--engine', $SlaEngine) }
}
Invoke-InProject rawrxd soak $Action @arguments
exit $LASTEXITCODE
