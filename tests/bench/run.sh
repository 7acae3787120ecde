#!/usr/bin/env bash
# Every benchmark in turn. usage: run.sh [BUILD]
set -euo pipefail
build=${1:-build}
cd "$(dirname "$0")/../.."
for bench in "$build"/tests/bench/*_bench; do
  [[ $(basename "$bench") == model_bench ]] && continue  # run by versus_pytorch.py, with its arguments
  echo "== $(basename "$bench")"
  "$bench"
done
echo "== Hush beside PyTorch"
if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
  /usr/bin/python3 tests/bench/versus_pytorch.py "$build/tests/bench/model_bench"
else
  echo "skipped: apt-get install python3-torch libopenblas0-pthread"
fi
echo "== Hush beside CrypTen"
python3 tests/bench/versus_crypten.py || [[ $? == 77 ]]
