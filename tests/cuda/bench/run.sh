#!/usr/bin/env bash
# usage: run.sh GPU_BENCH FOLDER_OF_PYTORCH_SCRIPTS [--versus] [OPTION...]
# Runs gpu_bench; with --versus, PyTorch's training step after it, in the same run on the same GPU.
set -euo pipefail
bench=$1
scripts=$2
shift 2
"$bench" "$@"
[[ " $* " == *" --versus "* ]] || exit 0
if command -v python3 >/dev/null; then
  python=python3
  python3 -c 'import torch' 2>/dev/null || [[ ! -x /usr/bin/python3 ]] || python=/usr/bin/python3 # Debian's has its own
  "$python" "$scripts/pytorch_gpu_step.py" || true # it says what is missing
else
  echo "PyTorch NOT MEASURED: there is no python3"
fi
