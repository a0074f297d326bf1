#!/usr/bin/env bash
# Compares accuracy and speed with the committed baselines (docs/commands/bench.md); arguments go to arzoo: scripts/regress.sh --update
# Exit code 4 when something got worse, after everything was measured.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prepare
build release arzoo arzoo_lib
cd "$ROOT"
worst=0
for suite in configs/bench/regress_*.json; do
  name=$(basename "$suite" .json)
  build/release/arzoo bench regress "$suite" --baseline "configs/bench/baselines/${name#regress_}.json" --quiet "$@" || worst=$?
done
exit "$worst"
