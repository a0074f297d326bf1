#!/usr/bin/env bash
# Kills a random rank of a training in two processes at a random moment, again and again, and resumes it each time. The others must
# end within 30 s and name the rank; the run must end as an undisturbed one.
#   scripts/kill_soak.sh [ROUNDS=20] [ARZOO=build/release/arzoo]
set -euo pipefail
rounds=${1:-20} arzoo=$(realpath "${2:-build/release/arzoo}")
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMP_NUM_THREADS=1
command=(train configs/forecast/itransformer_tiny.json --quiet --set training.epochs=100000 --set training.patience=0
  --set training.lradj=constant --set training.save_every=5 --set training.log_every=1)
# name, steps, more options
train() { exec "$arzoo" launch --processes 2 -- "${command[@]}" --set "training.max_steps=$2" --out "$folder/$1" "${@:3}"; }
steps_of() { [[ ! -e $folder/$1/last/training.json ]] || sed -n 's/.*"step": *\([0-9]*\).*/\1/p' "$folder/$1/last/training.json" 2> /dev/null | head -1; }

# The launcher's two processes, by rank, once both are there; nothing when it has ended.
wait_for_ranks() {
  ranks=()
  while kill -0 "$launcher" 2> /dev/null; do
    mapfile -t ranks < <(pgrep -P "$launcher" || true)
    [[ ${#ranks[@]} -eq 2 ]] && return
    sleep 0.05
  done
}

resume=()
kills=0 most=0
for ((round = 1; round <= rounds; ++round)); do
  train run 10000000 "${resume[@]}" > "$folder/out" 2> "$folder/err" &
  launcher=$!
  wait_for_ranks
  # Every other time it has made progress first; else it may be starting still.
  before=$(steps_of run)
  while ((round % 2)) && kill -0 "$launcher" 2> /dev/null && [[ $(steps_of run) == "$before" ]]; do sleep 0.1; done
  sleep "$((RANDOM % 4)).$((RANDOM % 10))"
  victim=$((RANDOM % 2))
  start=$(date +%s%N)
  kill -9 "${ranks[victim]}"
  wait "$launcher" && code=0 || code=$?
  taken=$((($(date +%s%N) - start) / 1000000))
  [[ $taken -gt $most ]] && most=$taken
  kills=$((kills + 1))
  echo "round $round: rank $victim killed behind step $(steps_of run), exit code $code after $taken ms: $(tail -1 "$folder/err")"
  [[ $code -eq 1 && $taken -lt 30000 ]] || { cat "$folder/err"; exit 1; }
  grep -q "rank $victim of 2" "$folder/err" || { cat "$folder/err"; exit 1; }
  [[ -e $folder/run/last ]] && resume=(--resume) || resume=()
  [[ -e $folder/run && ! -e $folder/run/last ]] && rm -r "$folder/run"
done
steps=$(($(steps_of run) + 20))
(train run "$steps" "${resume[@]}") > /dev/null
(train undisturbed "$steps") > /dev/null
cmp "$folder/undisturbed/metrics.jsonl" "$folder/run/metrics.jsonl"
cmp "$folder/undisturbed/last/model.safetensors" "$folder/run/last/model.safetensors"
echo "$kills kills, the others ended within $most ms; after $steps steps the run ends as an undisturbed one, byte for byte"
