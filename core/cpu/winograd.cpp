#include "core/cpu/winograd.h"

#include <algorithm>
#include <array>

#include "core/cpu/product_kernels.h"
#include "core/cpu/winograd_transforms.h"
#include "core/tensor.h"
#include "core/thread_pool.h"

namespace hush {
namespace {

// Tiles worked on together: their planes stay in the second-level cache.
constexpr std::size_t kTilesInCache = 56;
// With fewer such groups than this, all threads work on one group, and it is larger.
constexpr std::size_t kManyGroups = 16;
constexpr std::size_t kTilesTogether = 256;
// Planes would otherwise lie a power of two apart and fall into the same cache sets.
constexpr std::size_t kGapBytes = 64;
// Independent partial sums of the weight's gradient, and the most that one may weigh.
constexpr std::size_t kPartials = 8;
constexpr std::size_t kPartialBytes = std::size_t{1} << 20;

constexpr std::size_t kTaps = 9;
// Rows of weights that a thread transforms at a time; the widest panel.
constexpr std::size_t kWeightBlock = 64;
constexpr std::size_t kMaxPanelColumns = 64;

std::size_t divide_up(std::size_t a, std::size_t b) {
  return (a + b - 1) / b;
}

template <class T>
Tensor scratch(std::size_t elements) {
  return Tensor::empty({std::int64_t(elements)}, kDTypeOf<T>);
}

// A stack of [h, w, c] images seen as tiles whose corners are m apart.
template <class T>
struct Tiling {
  T* images;
  std::int64_t h, w, c;
  std::int64_t rows, columns;  // tiles of an image
  std::int64_t origin;         // row and column of the first tile's corner

  // The pixels of the size × size window at the corner of a tile; `outside` for those beyond.
  void window(std::size_t tile, std::int64_t m, std::int64_t size, T* outside, T** pixels) const {
    const auto index = std::int64_t(tile);
    const std::int64_t image = index / (rows * columns);
    const std::int64_t top = index / columns % rows * m + origin;
    const std::int64_t left = index % columns * m + origin;
    for (std::int64_t y = top; y < top + size; ++y) {
      T* row = images + ((image * h + y) * w + left) * c;
      for (std::int64_t x = left; x < left + size; ++x, row += c) {
        *pixels++ = y >= 0 && y < h && x >= 0 && x < w ? row : outside;
      }
    }
  }
};

// Transformed weights: for each plane the panels of a [depth, columns] matrix.
template <class T>
class WeightPlanes {
 public:
  // In memory of its own, or in that of planes of the same size.
  WeightPlanes(std::size_t depth, std::size_t columns, Tensor memory = {})
      : layout_(panel_layout<T>(columns)),
        depth_(depth),
        step_(depth * layout_.width() + kGapBytes / sizeof(T)),
        memory_(memory.defined() ? std::move(memory) : scratch<T>(kWinogradPlanes<T> * step_)),
        planes_(memory_.template data<T>()) {
    require(memory_.elements() == std::int64_t(kWinogradPlanes<T> * step_),
            "winograd: {} transformed weights are not those of {} x {} channels", memory_.text(),
            depth, columns);
  }

  // Row `row` of one panel in all planes, from the same columns of the nine taps.
  void set_row(std::size_t row, std::size_t panel, const std::array<const T*, kTaps>& taps) const {
    winograd_weight(taps.data(), layout_.columns(panel),
                    planes_ + depth_ * layout_.first_column(panel) + row * layout_.width(panel),
                    step_);
  }
  const T* panel(std::size_t plane, std::size_t panel) const {
    return planes_ + plane * step_ + depth_ * layout_.first_column(panel);
  }
  const PanelLayout& layout() const { return layout_; }
  std::size_t depth() const { return depth_; }
  const Tensor& memory() const { return memory_; }

 private:
  PanelLayout layout_;
  std::size_t depth_, step_;
  Tensor memory_;
  T* planes_;
};

// Both walk panel by panel: within a panel the planes are written in order.
template <class T>
WeightPlanes<T> forward_weights(const ConvGeometry& g, const T* w) {
  const auto channels = std::size_t(g.c), results = std::size_t(g.k);
  WeightPlanes<T> planes(channels, results);
  const std::size_t blocks = divide_up(channels, kWeightBlock);
  parallel_chunks(planes.layout().count() * blocks, [&](std::size_t chunk) {
    const std::size_t panel = chunk / blocks, first = chunk % blocks * kWeightBlock;
    for (std::size_t c = first; c < std::min(first + kWeightBlock, channels); ++c) {
      std::array<const T*, kTaps> taps{};
      for (std::size_t tap = 0; tap < kTaps; ++tap)
        taps[tap] = w + (tap * channels + c) * results + planes.layout().first_column(panel);
      planes.set_row(c, panel, taps);
    }
  });
  return planes;
}

// The input's gradient is a convolution with the kernel turned by 180 degrees and its channels
// swapped.
WeightPlanes<float> backward_weights(const ConvGeometry& g, const float* w) {
  constexpr std::size_t block = kWinogradChannels;
  const auto channels = std::size_t(g.c), results = std::size_t(g.k);
  WeightPlanes<float> planes(results, channels);
  const PanelLayout& layout = planes.layout();
  parallel_chunks(layout.count() * (results / block), [&](std::size_t chunk) {
    const std::size_t panel = chunk / (results / block), first = chunk % (results / block) * block;
    const std::size_t column = layout.first_column(panel), width = layout.columns(panel);
    alignas(64) float turned[kTaps][block][kMaxPanelColumns];  // [tap][k][c]
    for (std::size_t tap = 0; tap < kTaps; ++tap) {
      for (std::size_t c = 0; c < width; ++c) {
        const float* from = w + (tap * channels + column + c) * results + first;
        for (std::size_t k = 0; k < block; ++k) turned[kTaps - 1 - tap][k][c] = from[k];
      }
    }
    for (std::size_t k = 0; k < block; ++k) {
      std::array<const float*, kTaps> taps{};
      for (std::size_t tap = 0; tap < kTaps; ++tap) taps[tap] = turned[tap][k];
      planes.set_row(first + k, panel, taps);
    }
  });
  return planes;
}

// Planes of `tiles` rows of `width` elements.
template <class T>
struct TilePlanes {
  TilePlanes(std::size_t tiles, std::size_t width)
      : step(tiles * width + kGapBytes / sizeof(T)),
        memory(scratch<T>(kWinogradPlanes<T> * step)),
        first(memory.template data<T>()) {}
  T* plane(std::size_t i) const { return first + i * step; }

  std::size_t step;
  Tensor memory;
  T* first;
};

// All tiles of a correlation: the group first … first + count - 1 of them.
template <class T>
void correlate_group(const Tiling<const T>& in, const WeightPlanes<T>& weights,
                     const Tiling<T>& out, const EpiloguePointers<T>& epilogue, const T* zeros,
                     std::size_t first, std::size_t count) {
  constexpr std::size_t m = kWinogradResults<T>, size = kWinogradPixels<T>, grain = 8;
  const std::size_t channels = weights.depth(), results = weights.layout().columns();
  const TilePlanes<T> pixels(count, channels), products(count, results);
  parallel_for(count, grain, [&](std::size_t tile, std::size_t end) {
    const T* window[size * size];
    for (; tile < end; ++tile) {
      in.window(first + tile, m, size, zeros, window);
      winograd_input(window, channels, pixels.plane(0) + tile * channels, pixels.step);
    }
  });
  parallel_chunks(kWinogradPlanes<T>, [&](std::size_t plane) {
    const T* rows[kTilesTogether];
    T* outs[kTilesTogether];
    for (std::size_t i = 0; i < count; ++i) {
      rows[i] = pixels.plane(plane) + i * channels;
      outs[i] = products.plane(plane) + i * results;
    }
    const std::ptrdiff_t offset = 0;
    const PanelLayout& layout = weights.layout();
    for (std::size_t panel = 0; panel < layout.count(); ++panel) {
      row_product<T>({.rows = rows,
                      .outs = outs,
                      .count = count,
                      .offsets = &offset,
                      .taps = 1,
                      .depth = channels,
                      .b = weights.panel(plane, panel),
                      .b_stride = layout.width(panel),
                      .vectors = layout.vectors(panel),
                      .column = layout.first_column(panel),
                      .columns = layout.columns(panel),
                      .accumulate = false,
                      .bias = nullptr,
                      .residual = nullptr,
                      .origin = nullptr,
                      .relu = false});
    }
  });
  parallel_for(count, grain, [&](std::size_t tile, std::size_t end) {
    T* window[m * m];
    for (; tile < end; ++tile) {
      out.window(first + tile, m, m, nullptr, window);
      winograd_output<T>(products.plane(0) + tile * results, products.step, results,
                         {.pixels = window,
                          .bias = epilogue.bias,
                          .residual = epilogue.residual,
                          .origin = out.images,
                          .relu = epilogue.relu});
    }
  });
}

// Calls f(first, count) for groups of tiles: side by side if there are many, else one after the
// other, each with all threads inside.
template <class F>
void for_tile_groups(std::size_t tiles, F&& f) {
  const std::size_t groups = divide_up(tiles, kTilesInCache);
  if (groups >= kManyGroups) {
    parallel_chunks(groups, [&](std::size_t i) {
      f(i * tiles / groups, (i + 1) * tiles / groups - i * tiles / groups);
    });
  } else {
    for (std::size_t first = 0; first < tiles; first += kTilesTogether)
      f(first, std::min(kTilesTogether, tiles - first));
  }
}

template <class T>
void correlate(std::int64_t n, const Tiling<const T>& in, const WeightPlanes<T>& weights,
               const Tiling<T>& out, const EpiloguePointers<T>& epilogue) {
  const Tensor zeros = Tensor::zeros({in.c}, kDTypeOf<T>);
  for_tile_groups(std::size_t(n * in.rows * in.columns), [&](std::size_t first, std::size_t count) {
    correlate_group(in, weights, out, epilogue, zeros.template data<T>(), first, count);
  });
}

template <class T>
std::int64_t tiles_along(std::int64_t extent) {
  return std::int64_t(divide_up(std::size_t(extent), kWinogradResults<T>));
}

std::size_t tiles_of(const ConvGeometry& g) {
  return std::size_t(g.n * tiles_along<float>(g.oh) * tiles_along<float>(g.ow));
}

// The gradient of transformed weights, [plane][c][k], summed over tiles.
class GradientPlanes {
 public:
  GradientPlanes(const ConvGeometry& g, const float* x, const float* dy)
      : channels_(std::size_t(g.c)),
        results_(std::size_t(g.k)),
        step_(channels_ * results_ + kGapBytes / sizeof(float)),
        layout_(panel_layout<float>(results_)),
        in_{x, g.h, g.w, g.c, tiles_along<float>(g.oh), tiles_along<float>(g.ow), -g.padding},
        out_{dy, g.oh, g.ow, g.k, in_.rows, in_.columns, 0},
        zeros_(Tensor::zeros({std::max(g.c, g.k)}, DType::float32)) {}

  std::size_t elements() const { return kWinogradPlanes<float> * step_; }
  std::size_t step() const { return step_; }

  // Adds tiles first … first + count - 1 to `sums`; the first call overwrites them.
  void add(std::size_t first, std::size_t count, bool overwrite, float* sums) const {
    constexpr std::size_t m = kWinogradResults<float>, size = kWinogradPixels<float>, grain = 8;
    const TilePlanes<float> pixels(count, channels_), gradients(count, layout_.width());
    parallel_for(count, grain, [&](std::size_t tile, std::size_t end) {
      const float* window[size * size];
      for (; tile < end; ++tile) {
        in_.window(first + tile, m, size, zeros_.data<float>(), window);
        winograd_input(window, channels_, pixels.plane(0) + tile * channels_, pixels.step);
        out_.window(first + tile, m, m, zeros_.data<float>(), window);
        set_gradient_row(window, count, tile, gradients);
      }
    });
    parallel_chunks(kWinogradPlanes<float>, [&](std::size_t plane) {
      multiply(pixels.plane(plane), gradients.plane(plane), count, overwrite, sums + plane * step_);
    });
  }

 private:
  void set_gradient_row(const float* const* window, std::size_t count, std::size_t tile,
                        const TilePlanes<float>& gradients) const {
    constexpr std::size_t m = kWinogradResults<float>;
    for (std::size_t panel = 0; panel < layout_.count(); ++panel) {
      const float* part[m * m];
      for (std::size_t i = 0; i < m * m; ++i) part[i] = window[i] + layout_.first_column(panel);
      winograd_output_gradient(
          part, layout_.columns(panel),
          gradients.plane(0) + count * layout_.first_column(panel) + tile * layout_.width(panel),
          gradients.step);
    }
  }

  void multiply(const float* pixels, const float* gradients, std::size_t count, bool overwrite,
                float* sums) const {
    const float* points[kTilesTogether];
    for (std::size_t i = 0; i < count; ++i) points[i] = pixels + i * channels_;
    const std::size_t tiles = divide_up(channels_, tile_rows<float>(layout_.vectors(0)));
    for (std::size_t panel = 0; panel < layout_.count(); ++panel) {
      const std::size_t column = layout_.first_column(panel);
      for (std::size_t tile = 0; tile < tiles; ++tile) {
        const std::size_t row = tile * channels_ / tiles;
        column_product<float>({.points = points,
                               .point_count = count,
                               .offset = std::ptrdiff_t(row),
                               .b = gradients + count * column,
                               .vectors = layout_.vectors(panel),
                               .c = sums + row * results_ + column,
                               .c_stride = results_,
                               .columns = layout_.columns(panel),
                               .count = (tile + 1) * channels_ / tiles - row,
                               .accumulate = !overwrite});
      }
    }
  }

  std::size_t channels_, results_, step_;
  PanelLayout layout_;
  Tiling<const float> in_, out_;
  Tensor zeros_;
};

}  // namespace

bool has_winograd(const ConvGeometry& g) {
  constexpr auto vector = std::int64_t(kWinogradChannels);
  return g.kh == 3 && g.kw == 3 && g.stride == 1 && g.groups == 1 && g.padding <= 2 && g.c > 0 &&
         g.c % vector == 0 && g.k % vector == 0;
}

bool winograd_pays(const ConvGeometry& g, bool weights_at_hand) {
  const std::size_t enough_tiles = weights_at_hand ? 12 : 24;
  return has_winograd(g) && tiles_of(g) >= enough_tiles && g.oh > 2 && g.ow > 2;
}

template <class T>
Tensor winograd_weights(const ConvGeometry& g, const T* w) {
  return forward_weights(g, w).memory();
}
template Tensor winograd_weights(const ConvGeometry&, const float*);
template Tensor winograd_weights(const ConvGeometry&, const Ring*);

template <class T>
void winograd_convolve(const ConvGeometry& g, const T* x, const T* w,
                       const EpiloguePointers<T>& epilogue, T* y) {
  winograd_convolve(g, x, winograd_weights(g, w), epilogue, y);
}
template <class T>
void winograd_convolve(const ConvGeometry& g, const T* x, const Tensor& weights,
                       const EpiloguePointers<T>& epilogue, T* y) {
  const std::int64_t rows = tiles_along<T>(g.oh), columns = tiles_along<T>(g.ow);
  correlate<T>(g.n, {x, g.h, g.w, g.c, rows, columns, -g.padding},
               WeightPlanes<T>(std::size_t(g.c), std::size_t(g.k), weights),
               {y, g.oh, g.ow, g.k, rows, columns, 0}, epilogue);
}
template void winograd_convolve(const ConvGeometry&, const float*, const Tensor&,
                                const EpiloguePointers<float>&, float*);
template void winograd_convolve(const ConvGeometry&, const Ring*, const Tensor&,
                                const EpiloguePointers<Ring>&, Ring*);
template void winograd_convolve(const ConvGeometry&, const float*, const float*,
                                const EpiloguePointers<float>&, float*);
template void winograd_convolve(const ConvGeometry&, const Ring*, const Ring*,
                                const EpiloguePointers<Ring>&, Ring*);

void winograd_backward_input(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  const std::int64_t rows = tiles_along<float>(g.h), columns = tiles_along<float>(g.w);
  correlate<float>(g.n, {dy, g.oh, g.ow, g.k, rows, columns, g.padding - 2}, backward_weights(g, w),
                   {dx, g.h, g.w, g.c, rows, columns, 0}, {});
}

void winograd_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  const GradientPlanes planes(g, x, dy);
  const std::size_t tiles = tiles_of(g), elements = planes.elements();
  const bool side_by_side =
      tiles >= kManyGroups * kTilesInCache && elements * sizeof(float) <= kPartialBytes;
  const std::size_t partials = side_by_side ? kPartials : 1;
  const Tensor memory = scratch<float>(partials * elements);
  float* sums = memory.data<float>();
  const auto add_range = [&](std::size_t begin, std::size_t end, std::size_t group, float* to) {
    for (std::size_t first = begin; first < end; first += group)
      planes.add(first, std::min(group, end - first), first == begin, to);
  };
  if (side_by_side) {
    parallel_chunks(partials, [&](std::size_t i) {
      add_range(i * tiles / partials, (i + 1) * tiles / partials, kTilesInCache,
                sums + i * elements);
    });
  } else {
    add_range(0, tiles, kTilesTogether, sums);
  }
  const auto results = std::size_t(g.k);
  parallel_for(std::size_t(g.c), 8, [&](std::size_t c, std::size_t end) {
    for (; c < end; ++c) {
      for (std::size_t plane = 0; plane < kWinogradPlanes<float>; ++plane) {
        float* total = sums + plane * planes.step() + c * results;
        for (std::size_t i = 1; i < partials; ++i) {
          const float* part = total + i * elements;
          for (std::size_t k = 0; k < results; ++k) total[k] += part[k];
        }
      }
      float* taps[kTaps];
      for (std::size_t tap = 0; tap < kTaps; ++tap)
        taps[tap] = dw + (tap * std::size_t(g.c) + c) * results;
      winograd_weight_gradient(sums + c * results, planes.step(), results, taps);
    }
  });
}

}  // namespace hush
