# ci/soak.ps1 start|status|stop|collect RUN_DIR: the soak outside any terminal or job.
# From the environment, for start: SLA_PROFILE, SLA_MODELS, SLA_ENGINE.
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
    if (-not $SlaProfile) { throw 'what is promised: -SlaProfile NAME, or SLA_PROFILE in the environment' }
    $arguments = @($SlaProfile, '--run-dir', $RunDir)
    if ($SlaModels) { $arguments += @('--models', $SlaModels) }
    if ($SlaEngine) { $arguments += @('--engine', $SlaEngine) }
}
Invoke-InProject rawrxd soak $Action @arguments
exit $LASTEXITCODE
