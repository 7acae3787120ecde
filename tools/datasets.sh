#!/usr/bin/env bash
# Puts datasets into datasets/ (git-ignored).
# usage: datasets.sh [DIR]     without DIR: downloads CIFAR-10 and CIFAR-100 from the official site;
#                              with it: unpacks DIR/data by its own unpack.py, copies DIR/weights
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p datasets
if [[ $# -eq 0 ]]; then
  for name in cifar10 cifar100; do ./apps/inspect --dataset "$name" --data datasets; done
  exit 0
fi
from=$1
[[ -f $from/data/unpack.py ]] || { echo "datasets: $from/data/unpack.py is missing" >&2; exit 1; }
[[ -f datasets/cifar-10-batches-bin/test_batch.bin ]] || python3 "$from/data/unpack.py" datasets
cp -n "$from"/weights/*.safetensors datasets/ 2>/dev/null || true
ls datasets
