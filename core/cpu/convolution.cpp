#include "core/cpu/convolution.h"

#include <algorithm>
#include <cstring>

#include "core/cpu/product_driver.h"
#include "core/thread_pool.h"

namespace hush {
namespace {

// Images with real zeros around them are made in portions of about this size: what is written
// shall still be in the second-level cache when it is read.
constexpr std::int64_t kPortionBytes = std::int64_t{1} << 20;
// With fewer portions than this, all threads work on one portion.
constexpr std::int64_t kManyPortions = 12;

// Zeros before and behind.
struct Margin {
  std::int64_t before, after;
  std::int64_t both() const { return before + after; }
};
struct Margins {
  Margin rows, columns;
  bool any() const { return rows.both() > 0 || columns.both() > 0; }
};

// Images first … first + count - 1 of a stack, with zeros around them.
template <class T>
struct Portion {
  std::int64_t first, count;
  const T* images;  // each `image_step` after the one before
};

// A stack of [h, w, c] images, given out in portions with zeros around them.
template <class T>
class PaddedImages {
 public:
  PaddedImages(const T* images, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
               const Margins& margins)
      : images_(images), n_(n), h_(h), w_(w), c_(c), margins_(margins) {}

  std::ptrdiff_t row_step() const { return (w_ + margins_.columns.both()) * c_; }
  std::ptrdiff_t image_step() const { return rows() * row_step(); }

  // Calls f(portion) for all portions, one after the other.
  template <class F>
  void for_portions(F&& f) const {
    const std::int64_t size = portion_size();
    for (std::int64_t first = 0; first < n_; first += size) run(first, size, f);
  }
  // The same for an f whose calls may run at the same time.
  template <class F>
  void for_portions_side_by_side(F&& f) const {
    const std::int64_t size = portion_size(), portions = (n_ + size - 1) / size;
    if (portions < kManyPortions) return for_portions(f);
    parallel_chunks(std::size_t(portions),
                    [&](std::size_t i) { run(std::int64_t(i) * size, size, f); });
  }

 private:
  std::int64_t rows() const { return h_ + margins_.rows.both(); }

  std::int64_t portion_size() const {
    const std::int64_t bytes = std::max<std::int64_t>(image_step() * std::int64_t(sizeof(T)), 1);
    return margins_.any() ? std::clamp<std::int64_t>(kPortionBytes / bytes, 1, n_) : n_;
  }

  template <class F>
  void run(std::int64_t first, std::int64_t size, F&& f) const {
    const std::int64_t count = std::min(size, n_ - first);
    if (!margins_.any()) return f(Portion<T>{first, count, images_ + first * image_step()});
    const Tensor memory = Tensor::empty({count * image_step()}, kDTypeOf<T>);
    T* padded = memory.template data<T>();
    const std::int64_t row_bytes = row_step() * std::int64_t(sizeof(T));
    const auto grain = std::size_t(65536 / std::max<std::int64_t>(row_bytes, 1) + 1);
    parallel_for(std::size_t(count * rows()), grain, [&](std::size_t i, std::size_t end) {
      for (; i < end; ++i) {
        const std::int64_t image = std::int64_t(i) / rows();
        copy_row(first + image, std::int64_t(i) % rows() - margins_.rows.before,
                 padded + std::int64_t(i) * row_step());
      }
    });
    f(Portion<T>{first, count, padded});
  }

  void copy_row(std::int64_t image, std::int64_t row, T* to) const {
    if (row < 0 || row >= h_) {
      std::fill(to, to + row_step(), T(0));
      return;
    }
    T* begin = to + margins_.columns.before * c_;
    std::fill(to, begin, T(0));
    std::memcpy(begin, images_ + (image * h_ + row) * w_ * c_, std::size_t(w_ * c_) * sizeof(T));
    std::fill(begin + w_ * c_, to + row_step(), T(0));
  }

  const T* images_;
  std::int64_t n_, h_, w_, c_;
  Margins margins_;
};

// The offsets of a kernel's elements from its first, and how many channels adjoin at each: a
// kernel row is one run if all channels of a pixel take part.
struct Taps {
  std::vector<std::ptrdiff_t> offsets;
  std::int64_t run;
};

Taps taps_of(std::int64_t kh, std::int64_t kw, std::int64_t channels, std::int64_t pixel_step,
             std::ptrdiff_t row_step) {
  Taps taps{{}, channels == pixel_step ? kw * channels : channels};
  for (std::int64_t y = 0; y < kh; ++y) {
    if (channels == pixel_step) {
      taps.offsets.push_back(y * row_step);
    } else {
      for (std::int64_t x = 0; x < kw; ++x) taps.offsets.push_back(y * row_step + x * pixel_step);
    }
  }
  return taps;
}

Margins margins_of(const ConvGeometry& g) {
  // A stride may leave the last rows unused; they are copied all the same.
  return {{g.padding, g.padding}, {g.padding, g.padding}};
}

// One axis of the pixels with one parity of a strided convolution's input: pixels
// first, first + stride, … take part with kernel elements first_tap, first_tap + stride, …, and
// pixel i meets the outputs from i + shift - (taps - 1) to i + shift, with the last tap first.
struct ParityAxis {
  ParityAxis(std::int64_t parity, std::int64_t extent, std::int64_t kernel, const ConvGeometry& g)
      : first(parity),
        count(parity < extent ? (extent - parity + g.stride - 1) / g.stride : 0),
        first_tap((parity + g.padding) % g.stride),
        taps(first_tap < kernel ? (kernel - first_tap + g.stride - 1) / g.stride : 0),
        shift((parity + g.padding) / g.stride) {}

  std::int64_t begin() const { return shift - std::max<std::int64_t>(taps - 1, 0); }
  std::int64_t end() const { return count + shift; }

  std::int64_t first, count, first_tap, taps, shift;
};

std::vector<ParityAxis> parities(std::int64_t extent, std::int64_t kernel, const ConvGeometry& g) {
  std::vector<ParityAxis> axes;
  for (std::int64_t p = 0; p < g.stride; ++p) axes.emplace_back(p, extent, kernel, g);
  return axes;
}

// The zeros that all parities together need before and behind `outputs` values.
Margin margin_of(const std::vector<ParityAxis>& axes, std::int64_t outputs) {
  Margin margin{0, 0};
  for (const ParityAxis& axis : axes) {
    if (axis.count == 0) continue;
    margin.before = std::max(margin.before, -axis.begin());
    margin.after = std::max(margin.after, axis.end() - outputs);
  }
  return margin;
}

// The input's gradient at the pixels of one parity, for one group of channels.
template <class T>
struct ParityPass {
  std::int64_t group;
  ParityAxis vertical, horizontal;
  Taps taps;
  PanelMatrix<T> weights;
};

template <class T>
ParityPass<T> parity_pass(const ConvGeometry& g, const ParityAxis& v, const ParityAxis& u,
                          std::int64_t group, std::ptrdiff_t row_step, const T* w) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  MatrixRows<T> rows{{}, g.k};
  for (std::int64_t i = v.taps; i-- > 0;) {
    for (std::int64_t j = u.taps; j-- > 0;) {
      const std::int64_t tap = (v.first_tap + i * g.stride) * g.kw + u.first_tap + j * g.stride;
      for (std::int64_t k = 0; k < group_k; ++k)
        rows.starts.push_back(w + tap * group_c * g.k + group * group_k + k);
    }
  }
  return {group, v, u, taps_of(v.taps, u.taps, group_k, g.k, row_step),
          PanelMatrix<T>(rows, std::size_t(group_c), std::size_t(g.n * v.count * u.count))};
}

}  // namespace

template <class T>
std::vector<PanelMatrix<T>> weight_panels(const ConvGeometry& g, const T* w, std::size_t points) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  std::vector<PanelMatrix<T>> panels;
  for (std::int64_t group = 0; group < g.groups; ++group) {
    MatrixRows<T> rows;
    for (std::int64_t i = 0; i < g.kh * g.kw * group_c; ++i)
      rows.starts.push_back(w + i * g.k + group * group_k);
    panels.emplace_back(rows, std::size_t(group_k), points);
  }
  return panels;
}

template <class T>
void convolve(const ConvGeometry& g, const T* x, const std::vector<PanelMatrix<T>>& weights,
              const EpiloguePointers<T>& epilogue, T* y) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  const PaddedImages<T> images(x, g.n, g.h, g.w, g.c, margins_of(g));
  const Taps taps = taps_of(g.kh, g.kw, group_c, g.c, images.row_step());
  for (std::int64_t group = 0; group < g.groups; ++group) {
    images.for_portions_side_by_side([&](const Portion<T>& portion) {
      const std::int64_t place = portion.first * g.oh * g.ow * g.k + group * group_k;
      run_row_product<T>(
          {portion.count, g.oh, g.ow},
          {portion.images + group * group_c, images.image_step(), g.stride * images.row_step(),
           g.stride * g.c},
          taps.offsets, std::size_t(taps.run), weights[std::size_t(group)],
          {y + place, g.oh * g.ow * g.k, g.ow * g.k, g.k},
          {.bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + group * group_k,
           .residual = epilogue.residual == nullptr ? nullptr : epilogue.residual + place,
           .relu = epilogue.relu});
    });
  }
}

template <class T>
void convolve_backward_input(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const std::vector<ParityAxis> vertical = parities(g.h, g.kh, g);
  const std::vector<ParityAxis> horizontal = parities(g.w, g.kw, g);
  const Margin rows = margin_of(vertical, g.oh), columns = margin_of(horizontal, g.ow);
  const PaddedImages<T> images(dy, g.n, g.oh, g.ow, g.k, {rows, columns});
  std::vector<ParityPass<T>> passes;
  for (std::int64_t group = 0; group < g.groups; ++group) {
    for (const ParityAxis& v : vertical) {
      for (const ParityAxis& u : horizontal) {
        if (v.count > 0 && u.count > 0)
          passes.push_back(parity_pass<T>(g, v, u, group, images.row_step(), w));
      }
    }
  }
  images.for_portions_side_by_side([&](const Portion<T>& portion) {
    for (const ParityPass<T>& pass : passes) {
      const ParityAxis &v = pass.vertical, &u = pass.horizontal;
      const T* in = portion.images + pass.group * (g.k / g.groups) +
                    (v.begin() + rows.before) * images.row_step() +
                    (u.begin() + columns.before) * g.k;
      T* out = dx + ((portion.first * g.h + v.first) * g.w + u.first) * g.c +
               pass.group * (g.c / g.groups);
      run_row_product<T>({portion.count, v.count, u.count},
                         {in, images.image_step(), images.row_step(), g.k}, pass.taps.offsets,
                         std::size_t(pass.taps.run), pass.weights,
                         {out, g.h * g.w * g.c, g.stride * g.w * g.c, g.stride * g.c}, {});
    }
  });
}

template <class T>
void convolve_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  const PaddedImages<T> images(x, g.n, g.h, g.w, g.c, margins_of(g));
  const Taps taps = taps_of(g.kh, g.kw, group_c, g.c, images.row_step());
  images.for_portions([&](const Portion<T>& portion) {
    for (std::int64_t group = 0; group < g.groups; ++group) {
      run_column_product<T>({.extent = {portion.count, g.oh, g.ow},
                             .a = {portion.images + group * group_c, images.image_step(),
                                   g.stride * images.row_step(), g.stride * g.c},
                             .taps = taps.offsets,
                             .run = std::size_t(taps.run),
                             .b = {dy + portion.first * g.oh * g.ow * g.k + group * group_k,
                                   g.oh * g.ow * g.k, g.ow * g.k, g.k},
                             .b_step = 1,
                             .c = dw + group * group_k,
                             .c_stride = std::size_t(g.k),
                             .columns = std::size_t(group_k),
                             .accumulate = portion.first > 0});
    }
  });
}

template <class T>
void multiply(const GemmOptions& options, std::size_t m, std::size_t n, std::size_t k, const T* a,
              const T* b, T* c) {
  const auto rows = std::int64_t(m), columns = std::int64_t(n), depth = std::int64_t(k);
  if (options.transpose_a) {
    run_column_product<T>({.extent = {1, 1, depth},
                           .a = {a, 0, 0, rows},
                           .taps = {0},
                           .run = m,
                           .b = {b, 0, 0, options.transpose_b ? 1 : columns},
                           .b_step = options.transpose_b ? depth : 1,
                           .c = c,
                           .c_stride = n,
                           .columns = n,
                           .accumulate = options.accumulate});
    return;
  }
  MatrixRows<T> b_rows{{}, options.transpose_b ? depth : 1};
  for (std::int64_t i = 0; i < depth; ++i)
    b_rows.starts.push_back(b + i * (options.transpose_b ? 1 : columns));
  run_row_product<T>({1, 1, rows}, {a, 0, 0, depth}, {0}, k, PanelMatrix<T>(b_rows, n, m),
                     {c, 0, 0, columns}, {.accumulate = options.accumulate});
}

#define HUSH_INSTANTIATE(T)                                                                       \
  template std::vector<PanelMatrix<T>> weight_panels(const ConvGeometry&, const T*, std::size_t); \
  template void convolve(const ConvGeometry&, const T*, const std::vector<PanelMatrix<T>>&,       \
                         const EpiloguePointers<T>&, T*);                                         \
  template void convolve_backward_input(const ConvGeometry&, const T*, const T*, T*);             \
  template void convolve_backward_weight(const ConvGeometry&, const T*, const T*, T*);            \
  template void multiply(const GemmOptions&, std::size_t, std::size_t, std::size_t, const T*,     \
                         const T*, T*);
HUSH_INSTANTIATE(float)
HUSH_INSTANTIATE(Ring)
#undef HUSH_INSTANTIATE

}  // namespace hush
