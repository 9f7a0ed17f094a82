#!/usr/bin/env bash
# Measures two builds alternately, so that `rawrxd compare A B` can decide: the order is drawn for each pair.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: ci/pairs.sh [--pairs N] [--seed N] COMMAND-OF-A COMMAND-OF-B

Each command is one acceptance session, in quotes, into a run directory of its own, which it continues each time; it should
measure one process of what is compared. Both see the machine as it is, one after the other, N times.

  --pairs N   pairs; the comparison wants 10    [10]
  --seed N    of the order within the pairs     [drawn]

docs/how-to.md shows the profile and the commands. After it: rawrxd compare RUN_DIR_OF_A RUN_DIR_OF_B

Exit status: 0, or that of the first session which did more than break a promise (above 1).
TEXT
}

pairs=10 seed=$RANDOM
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --pairs | --seed)
      case ${2:-} in '' | *[!0-9]*) echo "pairs.sh: $1 needs a number, not '${2:-}'" >&2 && exit 4 ;; esac
      if [ "$1" = --pairs ]; then pairs=$2; else seed=$2; fi
      shift 2
      ;;
    -*) usage >&2 && exit 4 ;;
    *) break ;;
  esac
done
[ $# -eq 2 ] || { echo "pairs.sh: two commands, not $#" >&2 && exit 4; }
[ "$pairs" -gt 0 ] || { echo "pairs.sh: --pairs needs one or more" >&2 && exit 4; }

RANDOM=$seed
first=()
for ((pair = 0; pair < pairs; pair++)); do first+=($((RANDOM % 2))); done
# A draw that falls the same way each time is no order that was drawn; four pairs and more need both.
if [ "$pairs" -ge 2 ] && [[ "${first[*]}" != *0*1* && "${first[*]}" != *1*0* ]]; then first[0]=$((1 - first[0])); fi

for ((pair = 0; pair < pairs; pair++)); do
  for side in "${first[pair]}" $((1 - first[pair])); do
    if [ "$side" = 0 ]; then name=A command=$1; else name=B command=$2; fi
    echo "pair $((pair + 1)) of $pairs (seed $seed): $name"
    status=0
    bash -c "$command" || status=$?
    if [ "$status" -gt 1 ]; then
      echo "pairs.sh: $name ended with $status in pair $((pair + 1))" >&2
      exit "$status"
    fi
  done
done
