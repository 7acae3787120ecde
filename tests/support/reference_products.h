// Products and convolutions by their definition, element by element, to test kernels against.
// Sums of float are taken in double, those of the ring wrap.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kernel_options.h"

namespace hush::reference {

template <class T>
struct SumOf {
  using type = T;
};
template <>
struct SumOf<float> {
  using type = double;
};
// What sums of T are taken in.
template <class T>
using Sum = typename SumOf<T>::type;

// y [n, oh, ow, k] from x [n, h, w, c] and weight [kh, kw, c / groups, k].
struct Convolution {
  std::int64_t n, h, w, c, kh, kw, k;
  ConvOptions options;

  std::int64_t oh() const { return options.output(h, kh); }
  std::int64_t ow() const { return options.output(w, kw); }

  // Calls f(index of x, index of weight, index of y) for every product that the convolution sums.
  template <class F>
  void for_products(F&& f) const {
    const std::int64_t group_c = c / options.groups, group_k = k / options.groups;
    for (std::int64_t image = 0; image < n; ++image)
      for (std::int64_t oy = 0; oy < oh(); ++oy)
        for (std::int64_t ox = 0; ox < ow(); ++ox)
          for (std::int64_t ky = 0; ky < kh; ++ky)
            for (std::int64_t kx = 0; kx < kw; ++kx) {
              const std::int64_t iy = oy * options.stride + ky - options.padding;
              const std::int64_t ix = ox * options.stride + kx - options.padding;
              if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
              for (std::int64_t ic = 0; ic < group_c; ++ic)
                for (std::int64_t oc = 0; oc < k; ++oc)
                  f(((image * h + iy) * w + ix) * c + oc / group_k * group_c + ic,
                    ((ky * kw + kx) * group_c + ic) * k + oc,
                    ((image * oh() + oy) * ow() + ox) * k + oc);
            }
  }
};

// Results of a convolution's three passes, and Σ |a · b| for each, the scale of rounding errors.
template <class T>
struct Passes {
  std::vector<Sum<T>> y, dx, dw;
};

template <class T>
Passes<T> convolution_passes(const Convolution& conv, const std::vector<T>& x,
                             const std::vector<T>& weight, const std::vector<T>& dy) {
  Passes<T> result{std::vector<Sum<T>>(dy.size()), std::vector<Sum<T>>(x.size()),
                   std::vector<Sum<T>>(weight.size())};
  conv.for_products([&](std::int64_t ix, std::int64_t iw, std::int64_t iy) {
    const auto at = [](const std::vector<T>& v, std::int64_t i) {
      return Sum<T>(v[std::size_t(i)]);
    };
    result.y[std::size_t(iy)] += at(x, ix) * at(weight, iw);
    result.dx[std::size_t(ix)] += at(dy, iy) * at(weight, iw);
    result.dw[std::size_t(iw)] += at(x, ix) * at(dy, iy);
  });
  return result;
}

// C = A B for row-major A [m, k] and B [k, n], each stored transposed if the options say so.
template <class T>
std::vector<Sum<T>> product(const GemmOptions& options, std::int64_t m, std::int64_t n,
                            std::int64_t k, const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<Sum<T>> c(std::size_t(m * n));
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t p = 0; p < k; ++p)
        c[std::size_t(i * n + j)] +=
            Sum<T>(a[std::size_t(options.transpose_a ? p * m + i : i * k + p)]) *
            Sum<T>(b[std::size_t(options.transpose_b ? j * k + p : p * n + j)]);
  return c;
}

}  // namespace hush::reference
