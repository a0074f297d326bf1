#!/usr/bin/env bash
# Packs arzoo with LibTorch's CPU libraries, so that nothing else has to be installed: build/release/package/ gets
# arzoo-VERSION-linux-x86_64.tar.gz, which runs wherever it is unpacked, and arzoo_VERSION_amd64.deb.
#
#   scripts/package.sh            builds and packs
#   scripts/package.sh --check    then tries both packages in a minimal Debian 12 without compiler, Python and LibTorch
#
# The check needs root and a Debian mirror, and says so where it has neither (docs/packaging.md).
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

readonly PACKED=$BUILD/package
readonly MOST_PACKED=150000000 MOST_UNPACKED=420000000 # bytes
readonly ARROW_PACKED=40000000 ARROW_UNPACKED=90000000   # more with the plug-in for Parquet and Arrow files
readonly CAD_PACKED=25000000 CAD_UNPACKED=60000000       # more with the plug-in for STEP files and CAD solids
readonly MINIMAL=$ROOT/.deps/debian12 # what debootstrap --variant=minbase makes

pack() {
  install_packages patchelf
  prepare
  [[ $(cached ARZOO_CUDA) != ON ]] ||
    die "build/release has the CUDA plug-in, expected a build without (scripts/setup.sh -DARZOO_CUDA=OFF)"
  local targets=(arzoo arzoo_lib)
  if has_arrow; then targets+=(arzoo_arrow); fi
  if has_cad; then targets+=(arzoo_cad); fi
  build release "${targets[@]}"
  rm -rf "$PACKED"
  (cd "$BUILD" && quietly cpack)
  tarball=$(ls "$PACKED"/*.tar.gz)
  deb=$(ls "$PACKED"/*.deb)
  check_contents "$PACKED"/_CPack_Packages/*/TGZ
  rm -rf "$PACKED/_CPack_Packages"
}

has_arrow() { [[ $(cached ARZOO_ARROW) == ON ]]; }
has_cad() { [[ $(cached ARZOO_CAD) == ON ]]; }

# at_most LIMIT BYTES NAME
at_most() {
  (($2 <= $1)) || die "$3: $(($2 / 1000000)) MB, expected at most $(($1 / 1000000))"
  say "$3: $(($2 / 1000000)) MB"
}

check_contents() {
  local folder=$1 file cuda packed=$MOST_PACKED unpacked=$MOST_UNPACKED
  if has_arrow; then packed=$((packed + ARROW_PACKED)) unpacked=$((unpacked + ARROW_UNPACKED)); fi
  if has_cad; then packed=$((packed + CAD_PACKED)) unpacked=$((unpacked + CAD_UNPACKED)); fi
  for file in "$tarball" "$deb"; do at_most "$packed" "$(stat -c %s "$file")" "${file#"$ROOT"/}"; done
  at_most "$unpacked" "$(du -sb --exclude='*.tar.gz' "$folder" | cut -f 1)" unpacked
  cuda=$(find "$folder" -name 'lib*.so*' ! -name 'libarzoo_no_*' |
    grep -Ei '/lib[^/]*(cud|cupti|cublas|cufft|curand|cusolver|cusparse|nccl|nvidia|nvrtc|nvshmem)' || true)
  [[ ! $cuda ]] || die "CUDA libraries in the package: $cuda"
}

# The mirror that apt takes Debian 12 from.
mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 2> /dev/null | head -n 1
}

# Says why the check cannot be made here; nothing where it can.
obstacle() {
  if [[ $(id -u) != 0 ]]; then
    echo "it needs root"
  elif ! unshare --mount --pid --fork --net --mount-proc true 2> /dev/null; then
    echo "namespaces are not permitted here"
  elif [[ ! -e $MINIMAL/etc/debian_version && ! $(mirror) ]]; then
    echo "apt knows no mirror of Debian 12"
  fi
}

make_minimal() {
  [[ ! -e $MINIMAL/etc/debian_version ]] || return 0
  install_packages debootstrap
  say "debootstrap --variant=minbase bookworm from $(mirror)"
  rm -rf "$MINIMAL" "$MINIMAL.made"
  quietly debootstrap --variant=minbase bookworm "$MINIMAL.made" "$(mirror)"
  mv "$MINIMAL.made" "$MINIMAL"
}

# inside FOLDER COMMAND: runs it with that folder as root, a /proc of its own and no network.
inside() {
  unshare --mount --pid --fork --net --mount-proc="$1/proc" chroot "$1" /bin/bash -euc "$2"
}

# What is tried, as an unprivileged user; $1 is the folder that has bin/arzoo.
# shellcheck disable=SC2016
readonly USES='
export HOME=/tmp/home PATH="$1/bin:/usr/bin:/bin"
rm -rf /tmp/work "$HOME" && mkdir -p /tmp/work "$HOME" && cd /tmp/work
share=$1/share/arzoo
arzoo --version
arzoo train "$share/configs/forecast/itransformer_tiny.json" --out run --quiet > log
arzoo forecast --model run --input "$share/data/weather/temperatures_2010.csv" --output forecast.csv --level 80 --plot plots --quiet > log
[[ $(wc -l < forecast.csv) == 25 ]] # 12 hours of two places, and the header
arzoo generate-image --model "$share/data/fashion" --class sneaker --count 1 --seed 1 --output picture.png --quiet > log
[[ $(head -c 4 picture.png | tail -c 3) == PNG ]]
arzoo generate-3d --model "$share/data/shapes" --class mug --seed 1 --output mug.glb --quiet > log
[[ $(head -c 4 mug.glb) == glTF ]]
message=$(arzoo train "$share/configs/shape3d/autobrep_fsq_tiny.json" --set "data.solids=[\"nut\"]" --set data.count=8 --out parts --quiet 2>&1) ||
  [[ $message == *"needs the plug-in"* ]]
message=$(arzoo train "$share/configs/forecast/itransformer_tiny.json" --out other --device cuda 2>&1) && exit 1
[[ $message == *"CPU libraries only"* ]]
'

# uses ROOT PREFIX
uses() {
  inside "$1" "exec setpriv --reuid=65534 --regid=65534 --clear-groups /bin/bash -euc $(printf %q "$USES") arzoo $(printf %q "$2")" ||
    die "failed in a minimal Debian 12, arzoo in $2"
}

check() {
  local why start=$SECONDS name
  why=$(obstacle)
  if [[ $why ]]; then
    say "check skipped: $why"
    return
  fi
  make_minimal
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -a "$MINIMAL/." "$scratch"
  # shellcheck disable=SC2016
  inside "$scratch" '[[ ! $(type -P cc gcc g++ clang python3) && ! $(find / -xdev -name "libtorch*") ]]' ||
    die "$MINIMAL is no minimal Debian: it has a compiler, Python or LibTorch"

  tar -xzf "$tarball" -C "$scratch/opt"
  name=$(basename "$tarball" .tar.gz)
  uses "$scratch" "/opt/$name"
  mkdir -p "$scratch/srv/another place"
  mv "$scratch/opt/$name" "$scratch/srv/another place/arzoo"
  uses "$scratch" "/srv/another place/arzoo"
  rm -rf "$scratch/srv/another place"

  cp "$deb" "$scratch/arzoo.deb"
  inside "$scratch" 'dpkg -i /arzoo.deb > /dev/null'
  uses "$scratch" /usr
  inside "$scratch" 'dpkg -r arzoo > /dev/null && [[ ! -e /usr/lib/arzoo && ! -e /usr/share/arzoo ]]'
  say "both packages work in a minimal Debian 12, checked in $((SECONDS - start)) s"
}

case ${1:-} in
  '') pack ;;
  --check) pack; check ;;
  *) die "unknown argument \"$1\", expected --check" ;;
esac
say "ready: ${tarball#"$ROOT"/}, ${deb#"$ROOT"/}"
