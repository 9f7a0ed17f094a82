#!/usr/bin/env bash
# One verdict on the runs of several hosts: ci/fleet.sh OUTPUT RUN_DIR... with RUNNERS, the labels that were asked for, as
# JSON. A host that left no run fails it, and so does a pool that does not hold with every run it names: what is signed or
# attested is OUTPUT. On GitHub it writes the job summary, an annotation for each criterion that is not met, and the output
# "rehearsal". Exit status: rawrxd judge's.
source "$(dirname "$0")/uv.sh"

output="$1"
shift
asked="$(in_project python -c 'import json, os; print(len(json.loads(os.environ["RUNNERS"])))')"
if [ "$#" -ne "$asked" ]; then
  echo "$# of $asked hosts left a run: $*" >&2
  exit 1
fi
verdict=0
in_project rawrxd judge "$@" -o "$output" || verdict=$?
if [ ! -f "$output/pool.json" ]; then exit "$verdict"; fi
in_project rawrxd report "$output" --github --runs "$@"
in_project rawrxd verify "$output" --runs "$@"
if [ -n "${GITHUB_ACTIONS:-}" ]; then cat "$output/github-annotations.txt"; fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$output/github-summary.md" >>"$GITHUB_STEP_SUMMARY"; fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then cat "$output/github-output.txt" >>"$GITHUB_OUTPUT"; fi
exit "$verdict"
