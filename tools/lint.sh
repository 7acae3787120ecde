#!/usr/bin/env bash
# clang-tidy over every source of the project, or over those that changed since REVISION.
# usage: lint.sh [JOBS [REVISION]]
# It reads the commands of a clang build of its own (configured, never built): g++'s precompiled
# headers and some of its flags mean nothing to it.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${1:-2} revision=${2:-}
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || { echo "lint: clang-tidy is missing: apt-get install clang-tidy-14" >&2; exit 1; }
clang=$(command -v clang++-14 || command -v clang++) || { echo "lint: clang++ is missing: apt-get install clang-14" >&2; exit 1; }
cmake -S . -B build-lint -G Ninja -DCMAKE_CXX_COMPILER="$clang" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DHUSH_CUDA=OFF >/dev/null
cmake --build build-lint --target hush_revision >/dev/null
if [[ -n $revision ]]; then list=(git diff --name-only --diff-filter=d "$revision" --); else list=(git ls-files); fi
"${list[@]}" 'core/*.cpp' 'cuda/*.cpp' 'nn/*.cpp' 'data/*.cpp' 'mpc/*.cpp' 'apps/*.cpp' |
  xargs -r -P "$jobs" -n 1 "$tidy" -p build-lint --quiet 2>/dev/null ||
  { echo "lint: clang-tidy objects to the above" >&2; exit 1; }
echo "lint: clean"
