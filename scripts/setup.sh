#!/usr/bin/env bash
# Sets arzoo up on Debian 12: packages, LibTorch, then build/release/arzoo. Does only what is missing; run it again at will.
#
#   scripts/setup.sh [--cuda] [--arrow] [--cad] [-DNAME=VALUE ...]
#
# --arrow also installs Apache Arrow (PyPI's pyarrow, 170 MB) into .deps/arrow and builds the plug-in for Parquet and Arrow files.
# --cad also installs OpenCASCADE (Debian's libocct-*-dev, 190 MB) and builds the plug-in for STEP files and B-rep solids.
# --cuda also installs LibTorch's CUDA libraries (about 2.7 GB more). LibTorch is taken from -DARZOO_TORCH_DIR, $LIBTORCH,
# .deps/venv, or python3's torch if it is 2.4 or newer; without any of them it is installed into .deps/venv.
# The other scripts source this file for its functions.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly BUILD=$ROOT/build/release
readonly VENV=$ROOT/.deps/venv
readonly INSTALLED=.arzoo-installed # in it, says what was installed
readonly TORCH='torch==2.11.0'
readonly ARROW='pyarrow==26.0.1'
readonly ARROW_ENVIRONMENT=$ROOT/.deps/arrow
readonly CAD_PACKAGES='libocct-foundation-dev libocct-modeling-data-dev libocct-modeling-algorithms-dev libocct-data-exchange-dev libtbb-dev'
readonly CPU_RUNTIME='nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85' # libtorch_cpu is linked against these
readonly PACKAGES='g++ clang cmake ninja-build ccache nlohmann-json3-dev libcli11-dev libfmt-dev catch2 zlib1g-dev libpng-dev libjpeg-dev libmeshoptimizer-dev libsndfile1-dev libsamplerate0-dev libyaml-cpp-dev'

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command whose output matters only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" > "$log" 2>&1; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    die "failed: $*"
  fi
  rm -f "$log"
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo "$@"
  else
    die "needs root for: $* (run it as root once, then run this script again)"
  fi
}

# Installs those of the named Debian packages that are not there.
install_packages() {
  command -v dpkg-query > /dev/null || { say "no dpkg here, taking the packages for granted: $*"; return; }
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  quietly as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a # of an installation that was interrupted
  quietly as_root apt-get update -qq
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# made_once FOLDER: makes a folder with the function fill FOLDER, unless is_filled FOLDER; the caller defines both. The folder
# appears whole or not at all, and once, however many ask for it at the same time.
made_once() {
  local folder=$1 made lock
  mkdir -p "$(dirname "$folder")"
  exec {lock}> "$folder.lock"
  flock "$lock"
  if ! is_filled "$folder"; then
    rm -rf "$folder".made.* # what an interrupted call left
    made=$(mktemp -d "$folder.made.XXXXXX")
    chmod u=rwx,go=rx "$made" # as any other folder, for mktemp is for secrets
    fill "$made"
    rm -rf "$folder"
    mv "$made" "$folder"
  fi
  exec {lock}>&-
}

# python_with FOLDER PACKAGE: makes a Python environment that has the package, unless it is there (made_once). Its programs
# but for bin/python bear its temporary name: use -m.
python_with() {
  local package=$2
  is_filled() { "$1/bin/python" -c "import $package" 2> /dev/null; }
  fill() {
    python3 -m venv "$1"
    quietly "$1/bin/python" -m pip install --disable-pip-version-check "$package"
  }
  install_packages python3 python3-venv
  made_once "$1"
}

# The torch/ folder of a Python whose torch is usable; nothing otherwise. torch itself is not imported.
torch_of_python() {
  "$1" - 2> /dev/null << 'PYTHON' || true
import importlib.util, os, re
spec = importlib.util.find_spec("torch")
folder = os.path.dirname(spec.origin) if spec and spec.origin else ""
if folder and all(os.path.exists(os.path.join(folder, name)) for name in ("lib/libtorch_cpu.so", "include/torch/csrc")):
    with open(os.path.join(folder, "version.py")) as file:
        version = re.search(r"__version__ = '(\d+)\.(\d+)", file.read())
    if version and (int(version[1]), int(version[2])) >= (2, 4):
        print(folder)
PYTHON
}

# has_torch FOLDER KIND: whether there is an environment with LibTorch of this kind, or with more.
has_torch() {
  local folder=$1 kind=$2 installed=''
  [[ -e $folder/$INSTALLED ]] && installed=$(< "$folder/$INSTALLED")
  [[ $installed == "$TORCH cuda" || $installed == "$TORCH $kind" ]] && [[ $(torch_of_python "$folder/bin/python") ]]
}

# Installs LibTorch into .deps/venv, unless it is there (made_once); kind is cpu or cuda.
install_torch() {
  local kind=$1
  is_filled() { has_torch "$1" "$kind"; }
  fill() {
    local folder=$1 packages=("$TORCH")
    say "installing LibTorch ($kind) into .deps/venv, $([[ $kind == cuda ]] && echo 4.7 || echo 1.3) GB"
    # CUDA's libraries are added to a copy of what is there, in which files are the same by hard links.
    if [[ $kind == cuda ]] && has_torch "$VENV" cpu; then cp -al "$VENV/." "$folder"; else python3 -m venv "$folder"; fi
    # shellcheck disable=SC2206
    [[ $kind == cuda ]] || packages=(--no-deps "$TORCH" $CPU_RUNTIME)
    quietly "$folder/bin/python" -m pip install --disable-pip-version-check --no-cache-dir "${packages[@]}"
    [[ $(torch_of_python "$folder/bin/python") ]] || die "$folder: pip installed $TORCH, but there is no usable LibTorch in it"
    rm -f "$folder/$INSTALLED"
    echo "$TORCH $kind" > "$folder/$INSTALLED"
  }
  install_packages python3 python3-venv
  made_once "$VENV"
}

# The pyarrow/ folder of an environment that has headers and libraries of Arrow; nothing otherwise.
arrow_in() {
  local folder
  for folder in "$1"/lib/python3*/site-packages/pyarrow; do
    if [[ -e $folder/include/arrow/api.h ]]; then echo "$folder"; fi
  done
}

# Prints the folder of the Arrow to build against, installing it into .deps/arrow unless it is there (made_once).
find_arrow() {
  is_filled() { [[ $(arrow_in "$1") ]]; }
  fill() {
    say "installing Apache Arrow into .deps/arrow, 170 MB"
    python3 -m venv "$1"
    quietly "$1/bin/python" -m pip install --disable-pip-version-check --no-cache-dir --no-deps "$ARROW"
    [[ $(arrow_in "$1") ]] || die "$1: pip installed $ARROW, but there are no headers of Arrow in it"
  }
  install_packages python3 python3-venv
  made_once "$ARROW_ENVIRONMENT"
  arrow_in "$ARROW_ENVIRONMENT"
}

# Prints the folder of the LibTorch to build against, installing it where there is none.
find_torch() {
  local kind=$1 given=${2:-${LIBTORCH:-}} found=''
  if [[ $given ]]; then
    [[ -e $given/lib/libtorch_cpu.so ]] || die "$given: no LibTorch there, expected lib/libtorch_cpu.so in it"
    echo "$given"
    return
  fi
  found=$(cached ARZOO_TORCH_DIR)
  if [[ $kind == cpu && -e $found/lib/libtorch_cpu.so ]]; then
    echo "$found" # of the last time
    return
  fi
  found=''
  if [[ $kind == cpu ]] && ! has_torch "$VENV" cpu; then found=$(torch_of_python python3); fi
  if [[ ! $found ]]; then
    install_torch "$kind"
    found=$(torch_of_python "$VENV/bin/python")
  fi
  echo "$found"
}

cached() { sed -n "s/^$1:[A-Z]*=//p" "$BUILD/CMakeCache.txt" 2> /dev/null || true; }

# Configures a preset, unless that was done with the same LibTorch and nothing new is asked for.
configure() {
  local preset=$1 torch=$2
  shift 2
  if [[ $preset == release && -e $BUILD/build.ninja && $(cached ARZOO_TORCH_DIR) == "$torch" && $# == 0 ]]; then return; fi
  local options=("-DARZOO_TORCH_DIR=$torch" "$@")
  # clang compiles LibTorch's headers in half the time and memory.
  if [[ $preset == release && ! -e $BUILD/CMakeCache.txt && -z ${CXX:-} ]] && command -v clang++ > /dev/null; then
    options+=(-DCMAKE_CXX_COMPILER=clang++)
  fi
  say "configuring build/$preset"
  (cd "$ROOT" && quietly cmake --preset "$preset" "${options[@]}")
}

# A compilation takes up to 1.5 GB.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(($(awk '/^MemAvailable/ {print $2}' /proc/meminfo) / 1500000))
  echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

# build PRESET [TARGET ...]
build() {
  local preset=$1 options=() start=$SECONDS
  shift
  (($#)) && options=(--target "$@")
  # On a terminal ninja shows how far it is; a log needs only what went wrong.
  [[ -t 1 ]] || options+=(-- --quiet)
  cmake --build "$ROOT/build/$preset" -j "$(build_jobs)" "${options[@]}"
  ((SECONDS - start < 3)) || say "built build/$preset in $((SECONDS - start)) s"
}

# Everything up to a configured build folder.
prepare() {
  local kind=cpu given='' arrow='' cad='' options=()
  TARGETS=(arzoo arzoo_lib)
  for argument in "$@"; do
    case $argument in
      --cuda) kind=cuda ;;
      --arrow) arrow=wanted ;;
      --cad) cad=wanted ;;
      -DARZOO_TORCH_DIR=*) given=${argument#*=} ;;
      -D?*=*) options+=("$argument") ;;
      *) die "unknown argument \"$argument\", expected --cuda, --arrow, --cad or -DNAME=VALUE" ;;
    esac
  done
  # shellcheck disable=SC2086
  install_packages $PACKAGES
  TORCH_DIR=$(find_torch "$kind" "$given")
  if [[ $arrow ]]; then
    options+=(-DARZOO_ARROW=ON "-DARZOO_ARROW_DIR=$(find_arrow)")
    TARGETS+=(arzoo_arrow)
  fi
  if [[ $cad ]]; then
    # shellcheck disable=SC2086
    install_packages $CAD_PACKAGES
    options+=(-DARZOO_CAD=ON)
    TARGETS+=(arzoo_cad)
  fi
  configure release "$TORCH_DIR" "${options[@]}"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  prepare "$@"
  build release "${TARGETS[@]}"
  say "ready: build/release/arzoo"
fi
