#!/usr/bin/env bash
# clang-tidy over every source of the project, or over those that changed since REVISION.
# usage: lint.sh BUILD [JOBS [REVISION]]
set -euo pipefail
build=$1 jobs=${2:-2} revision=${3:-}
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || { echo "lint: clang-tidy is missing: apt-get install clang-tidy-14" >&2; exit 1; }
if [[ -n $revision ]]; then list=(git diff --name-only --diff-filter=d "$revision" --); else list=(git ls-files); fi
"${list[@]}" 'core/*.cpp' 'cuda/*.cpp' 'nn/*.cpp' 'data/*.cpp' 'mpc/*.cpp' 'apps/*.cpp' |
  xargs -r -P "$jobs" -n 1 "$tidy" -p "$build" --quiet 2>/dev/null
echo "lint: clean"
