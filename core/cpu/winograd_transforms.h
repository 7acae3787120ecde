// The small linear maps of Winograd's convolution, on vectors of channels.
//
// F(m×m, 3×3) computes an m × m tile of results from a (m+2) × (m+2) tile of pixels with (m+2)²
// products for each pair of channels instead of 9 m² (Lavin & Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2016, section 4):
//
//   y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//
//   float  m = 4, interpolation points 0, ±3/4, ±3/2, ∞. Near-reciprocal pairs keep the matrices'
//          entries small: the error is a third of that with the usual 0, ±1, ±2, ∞, and 3/4 and 3/2
//          are exact in binary. About 6 times the rounding error of the direct sum.
//   ring   m = 2, points 0, ±1, ∞. G has halves, which the ring lacks; 2 G is used, and results
//          are 4 times the convolution, exactly.
//
// A tile is a list of (m+2)² planes (or m², or 9); each map reads and writes vectors of channels.
#pragma once

#include <cstddef>

#include "core/dtype.h"

namespace hush {

// Results of a tile along one axis.
template <class T>
inline constexpr std::size_t kWinogradResults = 4;
template <>
inline constexpr std::size_t kWinogradResults<Ring> = 2;
// Pixels of a tile along one axis, and in all: the planes of a transformed tile.
template <class T>
inline constexpr std::size_t kWinogradPixels = kWinogradResults<T> + 2;
template <class T>
inline constexpr std::size_t kWinogradPlanes = kWinogradPixels<T>* kWinogradPixels<T>;
// Channels must be a multiple of this: a vector of every instruction set.
inline constexpr std::size_t kWinogradChannels = 16;

// Bᵀ d B: plane e of the result at out + e · step; d's pixel (i, j) at pixels[i · (m+2) + j].
template <class T>
void winograd_input(const T* const* pixels, std::size_t channels, T* out, std::size_t step);

// G g Gᵀ (over the ring 4 times that); taps[i · 3 + j].
template <class T>
void winograd_weight(const T* const* taps, std::size_t channels, T* out, std::size_t step);

// What Aᵀ M A is stored through.
template <class T>
struct WinogradResult {
  T* const* pixels;   // [m · m], null where the tile hangs over the image
  const T* bias;      // of the first channel, or null
  const T* residual;  // laid out like the results, which begin at `origin`; or null
  const T* origin;
  bool relu;
};
// Aᵀ M A; plane e of M at in + e · step.
template <class T>
void winograd_output(const T* in, std::size_t step, std::size_t channels,
                     const WinogradResult<T>& result);

// The transposes, for the weight's gradient (float): A dy Aᵀ and Gᵀ M G.
void winograd_output_gradient(const float* const* pixels, std::size_t channels, float* out,
                              std::size_t step);
void winograd_weight_gradient(const float* in, std::size_t step, std::size_t channels,
                              float* const* taps);

}  // namespace hush
