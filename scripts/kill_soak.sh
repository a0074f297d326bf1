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
command=(train configs/forecast/itransformer_tiny.json --quiet --set training.epochs=1000 --set training.patience=0
  --set training.lradj=constant --set training.save_every=5 --set training.log_every=1)
train() { "$arzoo" launch --processes 2 -- "${command[@]}" --set "training.max_steps=$2" --out "$folder/$1" "${@:3}"; }

steps=$((200 + 100 * rounds))
train undisturbed "$steps" > /dev/null
resume=()
for ((round = 1; round <= rounds; ++round)); do
  train run "$steps" "${resume[@]}" > "$folder/out" 2> "$folder/err" &
  launcher=$!
  sleep "$((RANDOM % 3)).$((RANDOM % 10))"
  mapfile -t ranks < <(pgrep -P "$launcher" -x arzoo || true)
  # The launcher itself may be the shell's child that was found.
  [[ ${#ranks[@]} -eq 1 ]] && mapfile -t ranks < <(pgrep -P "${ranks[0]}" -x arzoo || true)
  if [[ ${#ranks[@]} -eq 2 ]]; then
    victim=$((RANDOM % 2))
    start=$(date +%s%N)
    kill -9 "${ranks[victim]}" 2> /dev/null || true
    wait "$launcher" && code=0 || code=$?
    seconds=$((($(date +%s%N) - start) / 1000000))
    echo "round $round: rank $victim killed, exit code $code after $seconds ms: $(tail -1 "$folder/err")"
    [[ $code -eq 1 && $seconds -lt 30000 ]] || { cat "$folder/err"; exit 1; }
    grep -q "rank $victim of 2" "$folder/err" || { cat "$folder/err"; exit 1; }
  else
    wait "$launcher" || true
    echo "round $round: ended before the kill"
  fi
  [[ -e $folder/run/last ]] && resume=(--resume) || resume=()
  [[ -e $folder/run && ! -e $folder/run/last ]] && rm -r "$folder/run"
done
train run "$steps" "${resume[@]}" > /dev/null
cmp "$folder/undisturbed/metrics.jsonl" "$folder/run/metrics.jsonl"
cmp "$folder/undisturbed/last/model.safetensors" "$folder/run/last/model.safetensors"
echo "the run ends as an undisturbed one, byte for byte"
