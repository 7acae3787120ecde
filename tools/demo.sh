#!/usr/bin/env bash
# The main job on real data: trains a small ResNet on Fashion-MNIST, scores it, shows what it sees,
# and replaces most of its ReLUs. `make demo` installs what is missing, builds, and runs this.
set -euo pipefail
cd "$(dirname "$0")/.."
out=runs/demo.safetensors
mkdir -p runs

echo "== train: a small ResNet on the 60,000 images of Fashion-MNIST"
./apps/pretrain --dataset fashion-mnist --model resnet8 --epochs 6 --batch 128 --lr 0.1 \
  --warmup 0.3 --seed 1 --out "$out" --overwrite
echo
echo "== score it on the 10,000 test images"
./apps/evaluate --weights "$out" --dataset fashion-mnist
echo
echo "== look at some of them"
[[ -t 1 ]] && pictures=--pictures || pictures=
./apps/predict --weights "$out" --from-test 3 ${pictures:+"$pictures"}
./apps/predict --weights "$out" --from-test 40 --sheet runs/demo.png | tail -n 1

# 10 % and 3 % of its 56,448.
for budget in 5644 1693; do
  echo
  echo "== keep $budget of its 56,448 ReLUs, and let polynomials stand in for the others"
  ./apps/autorep --dataset fashion-mnist --from "$out" --budget "$budget" --epochs 1 --seed 1 \
    --out "runs/demo-$budget.safetensors" --overwrite
done

# Two processes on this machine, and a third that deals randomness; --net wan is emulated.
for model in "$out" runs/demo-1693.safetensors; do
  echo
  echo "== two servers classify 200 real images without seeing them: $model"
  ./apps/pi_bench --parties 2 --model "$model" --images 200 --batch 1 --net loopback wan
done
