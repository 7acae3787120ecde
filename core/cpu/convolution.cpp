#include "core/cpu/convolution.h"

#include <algorithm>
#include <cstring>

#include "core/cpu/product_driver.h"
#include "core/thread_pool.h"

namespace hush {
namespace {

// Images with real zeros around them are made in portions of about this size.
constexpr std::int64_t kPortionBytes = std::int64_t{4} << 20;

struct Margins {
  std::int64_t top, bottom, left, right;
  bool any() const { return top > 0 || bottom > 0 || left > 0 || right > 0; }
};

// A stack of [h, w, c] images, some at a time, with zeros around them.
template <class T>
class PaddedImages {
 public:
  PaddedImages(const T* images, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
               const Margins& margins)
      : images_(images), n_(n), h_(h), w_(w), c_(c), margins_(margins) {
    const std::int64_t bytes = std::max<std::int64_t>(image_step() * std::int64_t(sizeof(T)), 1);
    portion_ = margins.any() ? std::clamp<std::int64_t>(kPortionBytes / bytes, 1, n) : n;
    if (margins.any()) memory_ = Tensor::empty({portion_ * image_step()}, kDTypeOf<T>);
  }

  // Images that `load` makes available at a time.
  std::int64_t portion() const { return portion_; }
  std::ptrdiff_t row_step() const { return (w_ + margins_.left + margins_.right) * c_; }
  std::ptrdiff_t image_step() const { return (h_ + margins_.top + margins_.bottom) * row_step(); }
  // Where the padded images first … first + count - 1 begin; valid until the next call.
  const T* load(std::int64_t first, std::int64_t count) const {
    if (!margins_.any()) return images_ + first * image_step();
    T* padded = memory_.template data<T>();
    const std::int64_t rows = h_ + margins_.top + margins_.bottom;
    const std::int64_t grain =
        std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(row_step(), 1));
    parallel_for(std::size_t(count * rows), std::size_t(grain),
                 [&](std::size_t i, std::size_t end) {
                   for (; i < end; ++i) {
                     const std::int64_t image = std::int64_t(i) / rows;
                     copy_row(first + image, std::int64_t(i) % rows - margins_.top,
                              padded + std::int64_t(i) * row_step());
                   }
                 });
    return padded;
  }

 private:
  void copy_row(std::int64_t image, std::int64_t row, T* to) const {
    if (row < 0 || row >= h_) {
      std::fill(to, to + row_step(), T(0));
      return;
    }
    T* begin = to + margins_.left * c_;
    std::fill(to, begin, T(0));
    std::memcpy(begin, images_ + (image * h_ + row) * w_ * c_, std::size_t(w_ * c_) * sizeof(T));
    std::fill(begin + w_ * c_, to + row_step(), T(0));
  }

  const T* images_;
  std::int64_t n_, h_, w_, c_;
  Margins margins_;
  std::int64_t portion_ = 0;
  Tensor memory_;
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
  return {g.padding, g.padding, g.padding, g.padding};
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
std::pair<std::int64_t, std::int64_t> margins_of(const std::vector<ParityAxis>& axes,
                                                 std::int64_t outputs) {
  std::int64_t before = 0, after = 0;
  for (const ParityAxis& axis : axes) {
    if (axis.count == 0) continue;
    before = std::max(before, -axis.begin());
    after = std::max(after, axis.end() - outputs);
  }
  return {before, after};
}

}  // namespace

template <class T>
void convolve(const ConvGeometry& g, const T* x, const T* w, const EpiloguePointers<T>& epilogue,
              T* y) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  const PaddedImages<T> images(x, g.n, g.h, g.w, g.c, margins_of(g));
  const Taps taps = taps_of(g.kh, g.kw, group_c, g.c, images.row_step());
  for (std::int64_t group = 0; group < g.groups; ++group) {
    MatrixRows<T> rows;
    for (std::int64_t i = 0; i < g.kh * g.kw * group_c; ++i)
      rows.starts.push_back(w + i * g.k + group * group_k);
    const PanelMatrix<T> b(rows, std::size_t(group_k), std::size_t(g.n * g.oh * g.ow));
    for (std::int64_t first = 0; first < g.n; first += images.portion()) {
      const std::int64_t count = std::min(images.portion(), g.n - first);
      const T* padded = images.load(first, count) + group * group_c;
      const std::int64_t place = first * g.oh * g.ow * g.k + group * group_k;
      run_row_product<T>(
          {count, g.oh, g.ow},
          {padded, images.image_step(), g.stride * images.row_step(), g.stride * g.c}, taps.offsets,
          std::size_t(taps.run), b, {y + place, g.oh * g.ow * g.k, g.ow * g.k, g.k},
          {.bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + group * group_k,
           .residual = epilogue.residual == nullptr ? nullptr : epilogue.residual + place,
           .relu = epilogue.relu});
    }
  }
}

template <class T>
void convolve_backward_input(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  const std::vector<ParityAxis> vertical = parities(g.h, g.kh, g);
  const std::vector<ParityAxis> horizontal = parities(g.w, g.kw, g);
  const auto [top, bottom] = margins_of(vertical, g.oh);
  const auto [left, right] = margins_of(horizontal, g.ow);
  const PaddedImages<T> images(dy, g.n, g.oh, g.ow, g.k, {top, bottom, left, right});
  for (std::int64_t group = 0; group < g.groups; ++group) {
    for (const ParityAxis& v : vertical) {
      for (const ParityAxis& u : horizontal) {
        if (v.count == 0 || u.count == 0) continue;
        const Taps taps = taps_of(v.taps, u.taps, group_k, g.k, images.row_step());
        MatrixRows<T> rows{{}, g.k};
        for (std::int64_t i = v.taps; i-- > 0;) {
          for (std::int64_t j = u.taps; j-- > 0;) {
            const std::int64_t tap =
                (v.first_tap + i * g.stride) * g.kw + u.first_tap + j * g.stride;
            for (std::int64_t k = 0; k < group_k; ++k)
              rows.starts.push_back(w + tap * group_c * g.k + group * group_k + k);
          }
        }
        const PanelMatrix<T> b(rows, std::size_t(group_c), std::size_t(g.n * v.count * u.count));
        for (std::int64_t first = 0; first < g.n; first += images.portion()) {
          const std::int64_t count = std::min(images.portion(), g.n - first);
          const T* padded = images.load(first, count) + group * group_k +
                            (v.begin() + top) * images.row_step() + (u.begin() + left) * g.k;
          T* out = dx + ((first * g.h + v.first) * g.w + u.first) * g.c + group * group_c;
          run_row_product<T>({count, v.count, u.count},
                             {padded, images.image_step(), images.row_step(), g.k}, taps.offsets,
                             std::size_t(taps.run), b,
                             {out, g.h * g.w * g.c, g.stride * g.w * g.c, g.stride * g.c}, {});
        }
      }
    }
  }
}

template <class T>
void convolve_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const std::int64_t group_c = g.c / g.groups, group_k = g.k / g.groups;
  const PaddedImages<T> images(x, g.n, g.h, g.w, g.c, margins_of(g));
  const Taps taps = taps_of(g.kh, g.kw, group_c, g.c, images.row_step());
  for (std::int64_t first = 0; first < g.n; first += images.portion()) {
    const std::int64_t count = std::min(images.portion(), g.n - first);
    const T* padded = images.load(first, count);
    for (std::int64_t group = 0; group < g.groups; ++group) {
      run_column_product<T>({.extent = {count, g.oh, g.ow},
                             .a = {padded + group * group_c, images.image_step(),
                                   g.stride * images.row_step(), g.stride * g.c},
                             .taps = taps.offsets,
                             .run = std::size_t(taps.run),
                             .b = {dy + first * g.oh * g.ow * g.k + group * group_k,
                                   g.oh * g.ow * g.k, g.ow * g.k, g.k},
                             .b_step = 1,
                             .c = dw + group * group_k,
                             .c_stride = std::size_t(g.k),
                             .columns = std::size_t(group_k),
                             .accumulate = first > 0});
    }
  }
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

#define HUSH_INSTANTIATE(T)                                                                        \
  template void convolve(const ConvGeometry&, const T*, const T*, const EpiloguePointers<T>&, T*); \
  template void convolve_backward_input(const ConvGeometry&, const T*, const T*, T*);              \
  template void convolve_backward_weight(const ConvGeometry&, const T*, const T*, T*);             \
  template void multiply(const GemmOptions&, std::size_t, std::size_t, std::size_t, const T*,      \
                         const T*, T*);
HUSH_INSTANTIATE(float)
HUSH_INSTANTIATE(Ring)
#undef HUSH_INSTANTIATE

}  // namespace hush
