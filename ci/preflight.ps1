# Installs the locked environment and says what this machine can and cannot measure. Nothing is measured.
param(
    [string]$SlaProfile = $env:RAWRXD_SLA_PROFILE,
    [string]$SlaModels = $env:RAWRXD_SLA_MODELS
)
. (Join-Path $PSScriptRoot 'uv.ps1')

$name = if ($SlaProfile) { $SlaProfile } else { 'embedded' }
$arguments = @($name)
if ($SlaModels) { $arguments += @('--sla-models', $SlaModels) }
Invoke-InProject rawrxd doctor @arguments
exit $LASTEXITCODE
