// The training step of gpu_bench.
#pragma once

namespace hush::cuda {

// ResNet-18 in its CIFAR form, SGD with momentum: the time of a step in each precision, with and
// without a CUDA graph; with cuDNN and cuBLAS too if `with_versus`. The batch is on the device.
void bench_training_step(bool with_versus);

}  // namespace hush::cuda
