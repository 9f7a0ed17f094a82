#!/usr/bin/env bash
# ci/signoff.sh RUN_DIR: judges a run again from its raw evidence, renders every page, and on GitHub writes the job
# summary and an annotation for each criterion that is not met. Exit status: that of the verdict.
source "$(dirname "$0")/uv.sh"

run_dir=${1:?the run directory}
verdict=0
in_project rawrxd judge "$run_dir" || verdict=$?
in_project rawrxd report "$run_dir" --github
if [ -n "${GITHUB_ACTIONS:-}" ]; then cat "$run_dir/github-annotations.txt"; fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$run_dir/github-summary.md" >>"$GITHUB_STEP_SUMMARY"; fi
exit "$verdict"
