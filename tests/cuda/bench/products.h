// The products' part of gpu_bench.
#pragma once

#include "bench_table.h"

namespace hush::cuda {

// Rows for all kinds of products; below each, NVIDIA's library on the same if `with_versus`.
void bench_products(const Table& table, bool with_versus);

}  // namespace hush::cuda
