#!/usr/bin/env bash
# Checks the sources:
#
#   scripts/check.sh           formatting of every tracked source
#   scripts/check.sh --gcc     compiles everything but the tests with g++, the second compiler
#   scripts/check.sh --cuda    compiles the CUDA plug-in (needs nvcc, no GPU)
#   scripts/check.sh --pages   makes reports and opens them in headless Chromium, light and dark
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

# Reports of every kind: of runs with charts, pictures and shapes, of a table, and of all of them together.
check_pages() {
  install_packages chromium python3 python3-venv
  local tools=$ROOT/.deps/browser model
  if [[ ! -e $tools/bin/playwright ]]; then
    python3 -m venv "$tools"
    quietly "$tools/bin/pip" install --disable-pip-version-check playwright
  fi
  prepare
  build release arzoo arzoo_lib
  runs=$(mktemp -d)
  trap 'rm -rf "$runs"' EXIT
  for model in forecast/itransformer image/var shape3d/shape_vae icl/garg_gpt2; do
    "$BUILD/arzoo" train "$ROOT/configs/${model}_tiny.json" --out "$runs/${model#*/}" --quiet > "$runs/log"
  done
  printf '{"title": "Tiny", "cells": [{"name": "itransformer", "config": "%s", "published": {"mse": 0.02}}]}' \
    "$ROOT/configs/forecast/itransformer_tiny.json" > "$runs/suite.json"
  "$BUILD/arzoo" bench table "$runs/suite.json" --out "$runs/table" --quiet > "$runs/log"
  "$BUILD/arzoo" bench report "$runs" --output "$runs/all.html" --quiet > "$runs/log"
  "$tools/bin/python" "$ROOT/scripts/check_pages.py" "$runs/all.html" "$runs"/*/report.html
}

case ${1:-} in
  '') check_format ;;
  --gcc) compile gcc ;;
  --cuda) compile cuda arzoo_cuda ;;
  --pages) check_pages ;;
  --tidy) install_packages clang-tidy && compile tidy ;;
  *) die "unknown argument \"$1\", expected --gcc, --cuda, --pages or --tidy" ;;
esac
