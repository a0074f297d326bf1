#!/usr/bin/env bash
# Builds everything and runs the tests; arguments go to ctest: scripts/test.sh -R cli
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prepare
build release
ctest --test-dir "$BUILD" --output-on-failure -j2 "$@"
