#!/usr/bin/env bash
# Installs the Debian packages that Hush is built from, if any is missing. Needs root or sudo
# only then.
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git ca-certificates
  libfmt-dev libcli11-dev nlohmann-json3-dev libhwy-dev libstb-dev
  libcurl4-openssl-dev zlib1g-dev libjpeg-dev libarchive-dev libssl-dev libsodium-dev prometheus-cpp-dev
  libopenmpi-dev openmpi-bin
  libboost-context-dev libgtest-dev libgmock-dev libbenchmark-dev
)
if [[ "${1:-}" == --demo ]]; then packages+=(dataset-fashion-mnist); fi
if [[ "${1:-}" == --report ]]; then packages+=(gnuplot-nox); fi  # plots of ./apps/report
if [[ "${1:-}" == --ci ]]; then
  packages+=(clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 libjxl-tools python3 ccache)
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: this script knows Debian's apt-get only; please install the like of: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "setup: run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
