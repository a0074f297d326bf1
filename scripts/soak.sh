#!/usr/bin/env bash
# Hard use, each kind by its name: hostile files, kills, full disks, long runs. Without a name all of them; --list tells which there are.
# What they measured: docs/results/reliability.md.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prepare
build release arzoo arzoo_lib
install_packages python3 python3-venv
tools=$ROOT/.deps/soak
if [[ ! -e $tools/bin/python ]] || ! "$tools/bin/python" -c 'import safetensors' 2> /dev/null; then
  python3 -m venv "$tools"
  quietly "$tools/bin/pip" install --disable-pip-version-check safetensors
fi
cd "$ROOT/scripts"
exec "$tools/bin/python" -B -m soak "$@" # -B: no compiled files in the source tree
