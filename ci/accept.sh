#!/usr/bin/env bash
# Measures and judges: pytest acceptance/ with what the environment says (RAWRXD_SLA_PROFILE, RAWRXD_SLA_MODELS,
# RAWRXD_SLA_ENGINE, RAWRXD_SLA_RUN_DIR) and with these arguments, such as -m phase2. Exit status: pytest's.
source "$(dirname "$0")/uv.sh"

# An empty value is no folder and no engine.
for name in RAWRXD_SLA_MODELS RAWRXD_SLA_ENGINE RAWRXD_SLA_RUN_DIR; do
  if [ -z "${!name:-}" ]; then unset "$name"; fi
done
in_project pytest acceptance/ "$@"
