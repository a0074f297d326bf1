#!/usr/bin/env bash
# Hard use, each kind by its name: hostile files, kills, full disks, long runs. Without a name all of them; --list tells which there are.
# What they measured: docs/results/reliability.md.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

mkdir -p "$ROOT/.deps"
exec {building}> "$ROOT/.deps/build.lock"
flock "$building" # another soak may be about to build into the same folder
prepare
build release arzoo arzoo_lib
exec {building}>&-
tools=$ROOT/.deps/soak
python_with "$tools" safetensors
cd "$ROOT/scripts"
exec "$tools/bin/python" -B -m soak "$@" # -B: no compiled files in the source tree
