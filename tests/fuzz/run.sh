#!/usr/bin/env bash
# Runs every fuzz target for some seconds: tests/fuzz/run.sh SECONDS [BUILD_DIRECTORY]
# The build directory must have been configured with clang and -DHUSH_FUZZ=ON. What was found to be
# interesting is kept there under corpus/ for the next run; an input that fails stays in it too.
set -euo pipefail
seconds=${1:?how many seconds per target?}
build=${2:-build}
cd "$(dirname "$0")/../.."

shopt -s nullglob
targets=("$build"/tests/fuzz/*_fuzz)
if [[ ${#targets[@]} -eq 0 ]]; then
  echo "no fuzz targets in $build: configure it with clang++ and -DHUSH_FUZZ=ON" >&2
  exit 1
fi
for target in "${targets[@]}"; do
  [[ -x $target && -f $target ]] || continue
  corpus=$build/corpus/$(basename "$target")
  mkdir -p "$corpus"
  echo "=== $(basename "$target"), $seconds s"
  "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$corpus/failed-" -verbosity=0 "$corpus"
done
