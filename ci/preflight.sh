#!/usr/bin/env bash
# Installs the locked environment and says what this machine can and cannot measure. Nothing is measured.
# From the environment: RAWRXD_SLA_PROFILE, RAWRXD_SLA_MODELS.
source "$(dirname "$0")/uv.sh"

arguments=()
if [ -n "${RAWRXD_SLA_MODELS:-}" ]; then arguments+=(--sla-models "$RAWRXD_SLA_MODELS"); fi
in_project rawrxd doctor "${RAWRXD_SLA_PROFILE:-embedded}" "${arguments[@]}"
