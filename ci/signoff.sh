#!/usr/bin/env bash
# ci/signoff.sh RUN_DIR: judges a run again from its raw evidence, renders every page, and on GitHub writes the job
# summary, an annotation for each criterion that is not met, and the output "rehearsal". With the packages of ci/allure
# installed (npm ci --ignore-scripts --prefix ci/allure) also the Allure page. Exit status: that of the verdict.
source "$(dirname "$0")/uv.sh"

run_dir=${1:?the run directory}
verdict=0
in_project rawrxd judge "$run_dir" || verdict=$?
forms=(--github)
if [ -n "${RAWRXD_ALLURE:-}" ] || [ -d ci/allure/node_modules ]; then forms+=(--allure); fi
in_project rawrxd report "$run_dir" "${forms[@]}"
if [ -n "${GITHUB_ACTIONS:-}" ]; then cat "$run_dir/github-annotations.txt"; fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$run_dir/github-summary.md" >>"$GITHUB_STEP_SUMMARY"; fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then cat "$run_dir/github-output.txt" >>"$GITHUB_OUTPUT"; fi
exit "$verdict"
