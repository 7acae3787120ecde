#!/usr/bin/env bash
# usage: gpu_bundle.sh BUILD TARBALL
# Packs the GPU's tests and benchmark, and the training programs, with every library they load and
# its loader, so that they run on a machine with an NVIDIA driver and nothing else: no compiler, no
# CUDA toolkit, no packages, another libc. What stays outside is the driver (libcuda) and, for
# --versus, cuBLAS, cuDNN and PyTorch.
set -euo pipefail
build=$1
tarball=$2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
top=$stage/hush-gpu
mkdir -p "$top/bin" "$top/lib" "$top/scripts"

programs=("$build/tests/cuda/cuda_gpu_test" "$build/tests/cuda/gpu_bench" apps/pretrain apps/evaluate)
cp "${programs[@]}" "$top/bin/"
strip "$top"/bin/*
# "name => path (address)", and the loader by its path alone.
ldd "${programs[@]}" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u | xargs -I{} cp -L {} "$top/lib/"
cp tests/bench/pytorch_step.py tests/bench/pytorch_gpu_step.py tests/cuda/bench/run.sh "$top/scripts/"

# Started through the loader that was packed, because the machine's libc may be older.
launcher() { # NAME COMMAND
  cat >"$top/$1" <<LAUNCHER
#!/usr/bin/env bash
set -euo pipefail
here=\$(cd "\$(dirname "\${BASH_SOURCE[0]}")" && pwd)
$2
LAUNCHER
  chmod +x "$top/$1"
}
loader=$(basename "$(ldd "${programs[0]}" | grep -oE '/[^ ]*ld-linux[^ ]*')")
for program in cuda_gpu_test gpu_bench pretrain evaluate; do
  launcher "$program" "exec \"\$here/lib/$loader\" --library-path \"\$here/lib:\${LD_LIBRARY_PATH:-}\" \"\$here/bin/$program\" \"\$@\""
done
launcher gpu-test 'exec "$here/cuda_gpu_test" "$@"'
launcher gpu-bench 'exec "$here/scripts/run.sh" "$here/gpu_bench" "$here/scripts" "$@"'
cat >"$top/README" <<'README'
Hush's CUDA tests and benchmarks; only an NVIDIA driver is needed.
  ./gpu-test               the tests of every kernel, on this GPU
  ./gpu-bench [--versus]   times; with --versus also cuBLAS, cuDNN and PyTorch, where they are
  ./pretrain --help        training; ./evaluate
README
tar -C "$stage" -czf "$tarball" hush-gpu
echo "wrote $tarball ($(du -h "$tarball" | cut -f1)): unpack it where the GPU is, then ./gpu-test and ./gpu-bench --versus"
