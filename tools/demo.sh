#!/usr/bin/env bash
# The main job on real data: trains a small ResNet on Fashion-MNIST, scores it, shows what it sees,
# replaces most of its ReLUs, and lets two servers classify images that they do not see. `make demo`
# installs what is missing, builds, and runs this.
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

# Two processes of this machine are the servers, a third deals randomness; the wide network is
# emulated.
secure() {
  echo
  echo "== two servers classify $2 real images without seeing them: $1"
  ./apps/pi_bench --parties 2 --model "$1" --images "$2" --net loopback wan
}
secure "$out" 100
secure runs/demo-1693.safetensors 200
