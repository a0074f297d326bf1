#!/usr/bin/env bash
# Checks the sources:
#
#   scripts/check.sh           formatting of every tracked source, and that JSON is read and written in one place
#   scripts/check.sh --gcc     parses every source by itself with g++, the second compiler: no unity build hides a missing include
#   scripts/check.sh --arrow   builds the plug-in for Parquet and Arrow files and runs its tests
#   scripts/check.sh --cad     builds the plug-in for STEP files and CAD solids and runs its tests
#   scripts/check.sh --cuda    compiles the CUDA plug-in (needs nvcc, no GPU)
#   scripts/check.sh --pages   makes reports and opens them in headless Chromium, light and dark
#   scripts/check.sh --fuzz [SECONDS]  libFuzzer on each parser and on whole commands with the sanitizers, 60 seconds each by default
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

# JSON is read in one place, within limits (core/json_reader.h), and written in one, which never fails (core/json.h).
check_json() {
  local found
  found=$(cd "$ROOT" && git grep -nE '[Jj]son::(parse|accept|sax_parse|from_[a-z]+)\(|\.dump\(' -- lib apps |
    grep -vE '^lib/(core/json|core/json_reader|io/safetensors_header)\.cpp:') || return 0
  printf '%s\n' "$found" >&2
  die "JSON is read by core/json_reader.h and written by core/json.h only"
}

# compile PRESET [TARGET ...]
compile() {
  local preset=$1
  shift
  prepare
  configure "$preset" "$TORCH_DIR" -DARZOO_TESTS=OFF
  build "$preset" "$@"
}

# The plug-in is not part of a plain build; its tests, and those that need to be without it, are.
check_arrow() {
  prepare --arrow
  build release arzoo arzoo_lib arzoo_arrow io_tests cli_tests
  ctest --test-dir "$BUILD" --output-on-failure -R '/arrow_'
}

# As check_arrow.
check_cad() {
  prepare --cad
  build release arzoo arzoo_lib arzoo_cad io_tests step_file_replay
  ctest --test-dir "$BUILD" --output-on-failure -R 'io/step_plugin|fuzz/step_file'
}

# Every source by itself, without making code of it: a second compiler's opinion of the sources in a tenth of the time that a build takes.
check_gcc() {
  install_packages python3
  prepare
  configure gcc "$TORCH_DIR" -DARZOO_TESTS=OFF
  build gcc arzoo_pch
  python3 "$ROOT/scripts/check_sources.py" "$ROOT/build/gcc" --jobs "$(build_jobs)"
}

# Every fuzz target, of parsers and of whole commands, for so many seconds, one per core at a time. What they find interesting is kept
# in build/fuzz/corpus for the next run, a finding in build/fuzz/findings.
check_fuzz() {
  local seconds=${1:-60}
  prepare
  install_packages clang
  install_packages "libclang-rt-$(clang++ -dumpversion | cut -d . -f 1)-dev"
  [[ $(cached CMAKE_CXX_COMPILER) == *clang++* ]] ||
    die "build/release was configured with $(cached CMAKE_CXX_COMPILER), expected clang++: remove the folder and run this again"
  build release fuzz_targets
  mkdir -p "$ROOT/build/fuzz/corpus" "$ROOT/build/fuzz/findings"
  runs=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
  trap 'rm -rf "$runs"' EXIT
  export ROOT BUILD seconds TMPDIR=$runs
  # shellcheck disable=SC2016
  xargs -P "$(nproc)" -L 1 bash -c '
    name=$0 corpus=$ROOT/build/fuzz/corpus/$0 options=()
    mkdir -p "$corpus"
    "$BUILD/tests/${name}_replay" --write "$TMPDIR/seeds/$name"
    for dictionary in "$ROOT/tests/fuzz/$name.dict" "$ROOT/tests/fuzz/commands/$name.dict"; do
      [[ -f $dictionary ]] && options+=("-dict=$dictionary")
    done
    if "$BUILD/fuzz/${name}_fuzz" "${options[@]}" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -entropic_scale_per_exec_time=1 \
      -artifact_prefix="$ROOT/build/fuzz/findings/$name-" "$corpus" "$TMPDIR/seeds/$name" "$@" > "$corpus.log" 2>&1; then
      printf "%s\n" "$name: $(grep -o "Done [0-9]* runs in [0-9]* second" "$corpus.log")(s), no finding"
    else
      tail -n 40 "$corpus.log" >&2
      exit 1
    fi' < "$BUILD/fuzz/targets"
}

# Reports of every kind: of runs with charts, pictures and shapes, of a search, a backtest and a table, and of all of them together.
check_pages() {
  install_packages chromium
  local tools=$ROOT/.deps/browser model
  python_with "$tools" playwright
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
  "$BUILD/arzoo" tune "$ROOT/configs/forecast/itransformer_tiny.json" --search "$ROOT/configs/search/itransformer.json" --trials 5 \
    --set data.seq_len=48 --out "$runs/search" --quiet > "$runs/log"
  mkdir "$runs/backtest"
  "$BUILD/arzoo" forecast --model "$runs/itransformer" --input "$ROOT/data/weather/temperatures_2010.csv" --output "$runs/backtest/rows.csv" \
    --backtest 5 --level 80,95 --against theta,ets,seasonal_naive --report "$runs/backtest/report.html" --quiet > "$runs/log"
  "$BUILD/arzoo" forecast --input "$ROOT/data/weather/temperatures_2010.csv" --output "$runs/outlook.csv" --horizon 12 --time-limit 5 \
    --missing interpolate --keep "$runs/ensemble" --quiet > "$runs/log"
  "$tools/bin/python" "$ROOT/scripts/check_pages.py" "$runs/all.html" "$runs"/*/report.html
}

case ${1:-} in
  '') check_format; check_json ;;
  --gcc) check_gcc ;;
  --arrow) check_arrow ;;
  --cad) check_cad ;;
  --cuda) compile cuda arzoo_cuda ;;
  --pages) check_pages ;;
  --fuzz) check_fuzz "${2:-}" ;;
  --tidy) install_packages clang-tidy && compile tidy ;;
  *) die "unknown argument \"$1\", expected --gcc, --arrow, --cad, --cuda, --pages, --fuzz or --tidy" ;;
esac
