#!/usr/bin/env bash
# ci/soak.sh start|status|stop|collect: the soak outside any terminal or job.
# From the environment: RUN_DIR; for start also SLA_PROFILE, SLA_MODELS, SLA_ENGINE.
source "$(dirname "$0")/uv.sh"

action=${1:?start, status, stop or collect}
: "${RUN_DIR:?the folder of the soak}"
arguments=("$RUN_DIR")
if [ "$action" = start ]; then
  arguments=("${SLA_PROFILE:?what is promised}" --run-dir "$RUN_DIR")
  if [ -n "${SLA_MODELS:-}" ]; then arguments+=(--models "$SLA_MODELS"); fi
  if [ -n "${SLA_ENGINE:-}" ]; then arguments+=(--engine "$SLA_ENGINE"); fi
fi
in_project rawrxd soak "$action" "${arguments[@]}"
