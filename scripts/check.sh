#!/usr/bin/env bash
# Checks the sources:
#
#   scripts/check.sh           formatting of every tracked source
#   scripts/check.sh --gcc     compiles everything but the tests with g++, the second compiler
#   scripts/check.sh --cuda    compiles the CUDA plug-in (needs nvcc, no GPU)
#   scripts/check.sh --tidy    clang-tidy on every source
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

check_format() {
  install_packages clang-format
  local sources
  mapfile -t sources < <(git -C "$ROOT" ls-files --full-name '*.h' '*.cpp')
  (cd "$ROOT" && clang-format --dry-run -Werror "${sources[@]}")
  say "${#sources[@]} files are formatted"
}

# compile PRESET [TARGET ...]
compile() {
  local preset=$1
  shift
  prepare
  configure "$preset" "$TORCH_DIR" -DARZOO_TESTS=OFF
  build "$preset" "$@"
}

case ${1:-} in
  '') check_format ;;
  --gcc) compile gcc ;;
  --cuda) compile cuda arzoo_cuda ;;
  --tidy) install_packages clang-tidy && compile tidy ;;
  *) die "unknown argument \"$1\", expected --gcc, --cuda or --tidy" ;;
esac
