#!/usr/bin/env bash
# From a fresh checkout to a forecast, a picture and a shape: builds arzoo, trains iTransformer on weather data in under a minute, forecasts,
# compares it with repeating the last day, and draws garments and solids with the bundled models.
# A run that is there is not trained again; remove runs/quickstart to start anew.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

readonly RUN=runs/quickstart
readonly DATA=data/weather/new_york_2013.csv

prepare
build release arzoo arzoo_lib
cd "$ROOT"

# Prints a command as it would be typed, then runs it.
show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

if [[ -e $RUN/report.html ]]; then
  say "$RUN is trained already"
elif [[ -d $RUN/last ]]; then
  show build/release/arzoo train configs/forecast/itransformer_weather.json --out "$RUN" --resume
else
  show build/release/arzoo train configs/forecast/itransformer_weather.json --out "$RUN"
fi
show build/release/arzoo forecast --model "$RUN" --input "$DATA" --output "$RUN/forecast.csv" --level 80,95 --plot "$RUN/plots"
show build/release/arzoo forecast --model "$RUN" --input "$DATA" --output "$RUN/backtest.csv" --backtest 30
show build/release/arzoo generate-image --model data/fashion --class all --count 8 --seed 1 --output "$RUN/garments.png"
show build/release/arzoo generate-3d --model data/shapes --class chair,mug --seed 1 --output "$RUN/shapes"

printf '\nforecast: %s\nplots:    %s\nreport:   %s (open it in a browser)\ngarments: %s\nshapes:   %s\n' \
  "$RUN/forecast.csv" "$RUN/plots/" "$RUN/report.html" "$RUN/garments.png" "$RUN/shapes/sheet.png"
