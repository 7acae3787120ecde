// Dense matrices as operands and as outputs of a product (product.cuh).
//
// An output is a plain struct with
//   void select(int group);               before anything else
//   template <int V> void store(int row, int column, int split, Pack<T, V>) const;
//   Output part(T* parts, std::int64_t size) const;    T is the output's Element
// where `part` gives an output of the same type that leaves the result of each split apart, at
// [split][row][column of all groups], for `MergePartsBody` to add up.
#pragma once

#include <type_traits>

#include "cuda/kernels/product.cuh"

namespace hush::cuda {

// With `depth_inner` element (outer, depth) is at[outer · pitch + depth], else
// at[depth · pitch + outer]; groups lie `group_step` apart.
template <class T, bool depth_inner>
struct MatrixOperand {
  static constexpr bool kDepthInner = depth_inner;
  using Cursor = const T*;
  const T* at;
  int pitch;
  int group_step = 0;

  __device__ const T* base() const { return at; }
  __device__ void select(int group) { at += group * group_step; }
  __device__ Cursor cursor(int outer) const {
    return at + (depth_inner ? std::int64_t{outer} * pitch : outer);
  }
  __device__ const T* address(const Cursor& start, int depth) const {
    return start + (depth_inner ? depth : std::int64_t{depth} * pitch);
  }
};

// C [m, pitch], then + bias[column] + residual (then ReLU).
template <class T>
struct MatrixOutput {
  using Element = T;
  T* at;
  std::int64_t pitch;
  const T* bias = nullptr;      // of the pitch's length
  const T* residual = nullptr;  // like C
  bool relu = false;
  bool accumulate = false;
  std::int64_t group_step = 0;
  std::int64_t split_step = 0;

  MatrixOutput part(T* parts, std::int64_t size) const {
    return {.at = parts, .pitch = pitch, .group_step = group_step, .split_step = size};
  }
  __device__ void select(int group) {
    at += group * group_step;
    if (bias != nullptr) bias += group * group_step;
    if (residual != nullptr) residual += group * group_step;
  }
  template <int V>
  __device__ void store(int row, int column, int split, Pack<T, V> values) const {
    const std::int64_t i = split * split_step + row * pitch + column;
    auto* target = reinterpret_cast<Pack<T, V>*>(at + i);
    const auto add = [&](const T* from) {
      const auto other = *reinterpret_cast<const Pack<T, V>*>(from);
      HUSH_UNROLL
      for (int v = 0; v < V; ++v) values.v[v] += other.v[v];
    };
    if (accumulate) add(at + i);
    if (bias != nullptr) add(bias + column);
    if (residual != nullptr) add(residual + i);
    if constexpr (std::is_same_v<T, float>)
      if (relu) HUSH_UNROLL
    for (int v = 0; v < V; ++v) values.v[v] = values.v[v] < 0 ? 0 : values.v[v];
    *target = values;
  }
};

// Adds the parts in order. Element i is (i / pitch, i mod pitch).
template <class T, class Output>
struct MergePartsBody {
  using Loaded = T;
  const T* parts;
  int splits;
  std::int64_t size;
  Output output;

  __device__ T load(std::int64_t i) const {
    T sum = parts[i];
    for (int split = 1; split < splits; ++split) sum += parts[split * size + i];
    return sum;
  }
  __device__ void store(std::int64_t i, T sum) const {
    output.template store<1>(int(i / output.pitch), int(i % output.pitch), 0, Pack<T, 1>{{sum}});
  }
};

}  // namespace hush::cuda
