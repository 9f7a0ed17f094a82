# shellcheck shell=bash
# Sourced by the scripts beside it: the one way to this project's environment, from a person's shell and from a runner.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# uv tells its children where it is.
if [ -n "${UV:-}" ] || UV=$(command -v uv); then
  in_project() { "$UV" run --locked "$@"; }
elif python3 -m uv --version >/dev/null 2>&1; then
  in_project() { python3 -m uv run --locked "$@"; }
else
  echo "uv is not on this machine: python3 -m pip install uv, or see https://docs.astral.sh/uv/" >&2
  exit 4
fi
