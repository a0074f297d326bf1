#!/usr/bin/env bash
# Builds everything and runs the tests; arguments go to ctest: scripts/test.sh -R cli
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prepare
build release
# The tests write and fsync many small files: in memory where there is room for them.
if [[ -z ${TMPDIR:-} && -w /dev/shm ]]; then
  export TMPDIR=/dev/shm
fi
ctest --test-dir "$BUILD" --output-on-failure -j2 "$@"
