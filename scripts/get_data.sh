#!/usr/bin/env bash
# Fetches the public data that the papers report on into data/, and checks them.
#
#   scripts/get_data.sh [--from URL] [NAME ...]        NAME: etth1 etth2 ettm1 ettm2 weather exchange ili fashion_mnist kjv glibc kicad speech; all but kicad and speech by default
#
# Fashion-MNIST, the King James Bible and the events of glibc's ChangeLogs come from Debian's packages dataset-fashion-mnist, bible-kjv,
# bible-kjv-text and glibc-doc: taken where they are installed, else downloaded with apt-get (no root needed). --from takes the files from a mirror instead: URL/ETTh1.csv and so on (file:// works). A file that is already there and right
# is left alone; one that arrives wrong is not put in place. kicad are STEP files of electronic parts, of Debian's package kicad-packages3d (379 MB to
# download, CC-BY-SA 4.0 with an exception): those of some kinds are unpacked into data/kicad. Needs python3 and git;
# speech is made by scripts/speech_data.py, which needs espeak-ng.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ETT=https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small
readonly TSLIB=https://huggingface.co/datasets/thuml/Time-Series-Library/resolve/main

# name, place below data/, git's id of the contents (git hash-object), where it comes from
readonly FILES="
etth1     ETT/ETTh1.csv                  a52c4925778c07c1ef1a2cf6fd01594919717d9e  $ETT/ETTh1.csv
etth2     ETT/ETTh2.csv                  6e3760778598fdee5208213d3fce122637307eec  $ETT/ETTh2.csv
ettm1     ETT/ETTm1.csv                  62c9f979e2dc5b05d9cc5b38891e60e6baf77417  $ETT/ETTm1.csv
ettm2     ETT/ETTm2.csv                  f9d46027c987d442d2d8f81308d1d8c4d1d35db8  $ETT/ETTm2.csv
weather   benchmark/weather.csv          2c57f67fbe402293aad49611862165c9b3ecdcc8  $TSLIB/weather/weather.csv
exchange  benchmark/exchange_rate.csv    6b04ff3158cd1e3b27b708eff0b75e14aaa400fb  $TSLIB/exchange_rate/exchange_rate.csv
ili       benchmark/national_illness.csv ae0424af871366ecacc501399fcb730e9200458c  $TSLIB/illness/national_illness.csv
"

# name below data/fashion_mnist/ and git's id of its contents
readonly FASHION="
train-images-idx3-ubyte.gz 02a28c9e8109fecd445a6139ec6fc1cf69962bad
train-labels-idx1-ubyte.gz 30f17ae17d94b728cb5d8e1a780b8c0c719a170a
t10k-images-idx3-ubyte.gz 22d01d0f3548883dc17d2b67e45518a6068dbb3a
t10k-labels-idx1-ubyte.gz 9dc35004f04f1a55389332534ad976f289699e57
"

# git's id of the King James Bible, one verse a line
readonly KJV=be5a6601ab6d5374e8a67327b1b669fe444c548e

# git's id of the events of glibc's ChangeLogs (scripts/glibc_events.py)
readonly GLIBC=bbe0211f0969d48ede9053ca98814b5d5e9f6eea

say() { printf 'get_data.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

is_right() { [[ -f $1 && $(git hash-object --no-filters "$1") == "$2" ]]; }

# Copies what the URL has into a file; the message of a failure is one line.
download() {
  python3 - "$1" "$2" << 'PYTHON'
import shutil, sys, urllib.request
try:
    with urllib.request.urlopen(sys.argv[1], timeout=60) as source, open(sys.argv[2], "wb") as target:
        shutil.copyfileobj(source, target)
except OSError as error:
    sys.exit(f"get_data.sh: {sys.argv[1]}: {error}")
PYTHON
}

get() {
  local place=data/$1 id=$2 url=$3
  if is_right "$place" "$id"; then
    say "$place is there"
    return
  fi
  mkdir -p "$(dirname "$place")"
  download "$url" "$place.part" || { rm -f "$place.part"; return 1; }
  if ! is_right "$place.part" "$id"; then
    rm -f "$place.part"
    say "$url: not the file that was expected (git hash-object $id), nothing kept"
    return 1
  fi
  mv "$place.part" "$place"
  say "$place fetched"
}

# Prints the folder of the package's files, unpacking them below the given folder where the package is not installed.
unpack_fashion() {
  local installed=/usr/share/datasets/fashion-mnist
  if [[ -d $installed ]]; then
    echo "$installed"
    return
  fi
  (cd "$1" && apt-get download -q dataset-fashion-mnist >&2 && dpkg-deb -x dataset-fashion-mnist_*.deb .) || return 1
  echo "$1$installed"
}

get_fashion() {
  local name id missing='' unpacked source=$mirror
  while read -r name id; do
    [[ -z $name ]] || is_right "data/fashion_mnist/$name" "$id" || missing=1
  done <<< "$FASHION"
  if [[ -z $missing ]]; then
    say "data/fashion_mnist is there"
    return
  fi
  unpacked=$(mktemp -d)
  if [[ -z $source ]]; then
    source=$(unpack_fashion "$unpacked") || { rm -rf "$unpacked"; return 1; }
    source=file://$source
  fi
  while read -r name id; do
    [[ -z $name ]] || get "fashion_mnist/$name" "$id" "$source/$name" || missing=failed
  done <<< "$FASHION"
  rm -rf "$unpacked"
  [[ $missing != failed ]]
}

# The text that Debian's program prints, without the numbers of the verses.
get_kjv() {
  local place=data/kjv/kjv.txt unpacked program data
  if is_right "$place" "$KJV"; then
    say "$place is there"
    return
  fi
  mkdir -p data/kjv
  if [[ -n $mirror ]]; then
    get kjv/kjv.txt "$KJV" "$mirror/kjv.txt"
    return
  fi
  unpacked=$(mktemp -d)
  program=bible data=/usr/lib
  if ! command -v bible > /dev/null; then
    (cd "$unpacked" && apt-get download -q bible-kjv bible-kjv-text >&2 && for package in *.deb; do dpkg-deb -x "$package" .; done) ||
      { rm -rf "$unpacked"; return 1; }
    program=$unpacked/usr/bin/bible data=$unpacked/usr/lib
  fi
  "$program" -p "$data" -f gen1:1-rev22:21 2> /dev/null | sed -E 's/^[A-Za-z0-9]+:[0-9]+ //' > "$place.part"
  rm -rf "$unpacked"
  if ! is_right "$place.part" "$KJV"; then
    rm -f "$place.part"
    say "bible-kjv: not the text that was expected (git hash-object $KJV), nothing kept"
    return 1
  fi
  mv "$place.part" "$place"
  say "$place made"
}

# STEP files of some kinds of electronic parts; the whole package would be 5.5 GB.
get_kicad() {
  local place=data/kicad unpacked kind patterns=()
  if [[ -d $place ]]; then
    say "$place is there"
    return
  fi
  for kind in Capacitor_SMD Resistor_SMD Inductor_SMD Diode_SMD Crystal Fuse Button_Switch_SMD; do
    patterns+=("*/$kind.3dshapes/*.step")
  done
  unpacked=$(mktemp -d)
  mkdir "$unpacked/parts"
  # tar also fails where a kind is not there: what it unpacked counts.
  (cd "$unpacked" && apt-get download -q kicad-packages3d >&2 &&
    dpkg-deb --fsys-tarfile kicad-packages3d_*.deb | tar x -C parts --strip-components=5 --wildcards "${patterns[@]}") || true
  if [[ -z $(find "$unpacked/parts" -name '*.step' -print -quit) ]]; then
    rm -rf "$unpacked"
    say "kicad-packages3d: no STEP file could be fetched"
    return 1
  fi
  mv "$unpacked/parts" "$place"
  chmod u=rwx,go=rx "$place"
  rm -rf "$unpacked"
  say "$place fetched: $(find "$place" -name '*.step' | wc -l) STEP files"
}

# Spoken digits: made by espeak-ng, and put together from a person's recorded words.
get_speech() {
  local sounds=/usr/share/asterisk/sounds/en_US_f_Allison unpacked status=0
  if [[ -f data/digits/recorded.tsv ]]; then
    say "data/digits is there"
    return
  fi
  unpacked=$(mktemp -d)
  if [[ ! -d $sounds ]]; then
    (cd "$unpacked" && apt-get download -q asterisk-core-sounds-en-wav >&2 && dpkg-deb -x asterisk-core-sounds-en-wav_*.deb .) ||
      { rm -rf "$unpacked"; return 1; }
    sounds=$unpacked$sounds
  fi
  python3 scripts/speech_data.py --recordings "$sounds" || status=1
  rm -rf "$unpacked"
  return "$status"
}

# Who changed which file of glibc, and when: made of the ChangeLogs of Debian's package.
get_glibc() {
  local place=data/glibc/events.csv unpacked logs=/usr/share/doc/glibc-doc
  if is_right "$place" "$GLIBC"; then
    say "$place is there"
    return
  fi
  mkdir -p data/glibc
  if [[ -n $mirror ]]; then
    get glibc/events.csv "$GLIBC" "$mirror/events.csv"
    return
  fi
  unpacked=$(mktemp -d)
  if ! compgen -G "$logs/ChangeLog*" > /dev/null; then
    (cd "$unpacked" && apt-get download -q glibc-doc >&2 && dpkg-deb -x glibc-doc_*.deb .) || { rm -rf "$unpacked"; return 1; }
    logs=$unpacked$logs
  fi
  python3 scripts/glibc_events.py "$logs" "$place.part" >&2 || { rm -rf "$unpacked" "$place.part"; return 1; }
  rm -rf "$unpacked"
  if ! is_right "$place.part" "$GLIBC"; then
    mv "$place.part" "$place"
    say "$place made, of other ChangeLogs than those of the results (git hash-object $GLIBC)"
    return
  fi
  mv "$place.part" "$place"
  say "$place made"
}

mirror=
if [[ ${1:-} == --from ]]; then
  [[ -n ${2:-} ]] || die "--from needs a URL"
  mirror=$2
  shift 2
fi
failed=0
for name in "$@"; do
  [[ $name == fashion_mnist || $name == kjv || $name == kicad || $name == glibc || $name == speech ]] && continue
  grep -q "^$name " <<< "$FILES" || die "$name: no such data (expected etth1, etth2, ettm1, ettm2, weather, exchange, ili, fashion_mnist, kjv, glibc, kicad or speech)"
done
while read -r name place id url; do
  [[ -n $name ]] || continue
  [[ $# == 0 || " $* " == *" $name "* ]] || continue
  [[ -z $mirror ]] || url=$mirror/$(basename "$place")
  get "$place" "$id" "$url" || failed=1
done <<< "$FILES"
if [[ $# == 0 || " $* " == *" fashion_mnist "* ]]; then get_fashion || failed=1; fi
if [[ $# == 0 || " $* " == *" kjv "* ]]; then get_kjv || failed=1; fi
if [[ " $* " == *" kicad "* ]]; then get_kicad || failed=1; fi
if [[ " $* " == *" speech "* ]]; then get_speech || failed=1; fi
if [[ $# == 0 || " $* " == *" glibc "* ]]; then get_glibc || failed=1; fi
exit "$failed"
