# Measures and judges: pytest acceptance/ with what the environment says (RAWRXD_SLA_PROFILE, RAWRXD_SLA_MODELS,
# RAWRXD_SLA_ENGINE, RAWRXD_SLA_RUN_DIR) and with these arguments, such as -m phase2. Exit status: pytest's.
. (Join-Path $PSScriptRoot 'uv.ps1')

# An empty value is no folder and no engine.
foreach ($name in 'RAWRXD_SLA_MODELS', 'RAWRXD_SLA_ENGINE', 'RAWRXD_SLA_RUN_DIR') {
    if (-not [Environment]::GetEnvironmentVariable($name)) { Remove-Item "Env:$name" -ErrorAction SilentlyContinue }
}
Invoke-InProject pytest acceptance/ @args
exit $LASTEXITCODE
