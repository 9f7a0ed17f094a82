#!/usr/bin/env bash
# One verdict on the runs of several hosts: ci/fleet.sh OUTPUT RUN_DIR... with RUNNERS, the labels that were asked for, as
# JSON. A host that left no run fails it. Exit status: rawrxd judge's. On GitHub Actions it says whether it was a rehearsal.
source "$(dirname "$0")/uv.sh"

output="$1"
shift
asked="$(in_project python -c 'import json, os; print(len(json.loads(os.environ["RUNNERS"])))')"
if [ "$#" -ne "$asked" ]; then
  echo "$# of $asked hosts left a run: $*" >&2
  exit 1
fi
status=0
in_project rawrxd judge "$@" -o "$output" || status=$?
if [ -n "${GITHUB_OUTPUT:-}" ] && [ -f "$output/verdicts.json" ]; then
  in_project python -c 'import json, sys
phases = json.load(open(sys.argv[1], encoding="utf-8"))["state"].values()
print("rehearsal=true" if any(each["rehearsal"] for each in phases) else "rehearsal=false")
' "$output/verdicts.json" >>"$GITHUB_OUTPUT"
fi
exit "$status"
