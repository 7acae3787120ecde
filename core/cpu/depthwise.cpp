#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/cpu/depthwise.h"
#include "core/cpu/product_kernels-inl.h"
#include "core/thread_pool.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

// out[c] = (out[c] +) Σ_i a[i][c] · b[i][c], then the epilogue of `store`, whose pointers are those
// of this row.
template <class T>
void channel_products(const T* const* a, const T* const* b, std::size_t count, std::size_t channels,
                      bool accumulate, const EpiloguePointers<T>& store, T* out) {
  const hn::ScalableTag<T> d;
  for (std::size_t c = 0; c < channels; c += kLanes<T>) {
    const std::size_t left = channels - c;
    Vector<T> sum = accumulate ? load_first(out + c, left) : hn::Zero(d);
    if (left >= kLanes<T>) {
      for (std::size_t i = 0; i < count; ++i)
        sum = multiply_add(hn::LoadU(d, a[i] + c), hn::LoadU(d, b[i] + c), sum);
    } else {
      for (std::size_t i = 0; i < count; ++i)
        sum = multiply_add(load_first(a[i] + c, left), load_first(b[i] + c, left), sum);
    }
    if (store.bias != nullptr) sum = hn::Add(sum, load_first(store.bias + c, left));
    if (store.residual != nullptr) sum = hn::Add(sum, load_first(store.residual + c, left));
    if constexpr (std::is_same_v<T, float>) {
      if (store.relu) sum = hn::Max(sum, hn::Zero(d));
    }
    store_first(sum, out + c, left);
  }
}

void channel_products_float(const float* const* a, const float* const* b, std::size_t count,
                            std::size_t channels, bool accumulate,
                            const EpiloguePointers<float>& store, float* out) {
  channel_products(a, b, count, channels, accumulate, store, out);
}
void channel_products_ring(const Ring* const* a, const Ring* const* b, std::size_t count,
                           std::size_t channels, bool accumulate,
                           const EpiloguePointers<Ring>& store, Ring* out) {
  channel_products(a, b, count, channels, accumulate, store, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {
namespace {

HWY_EXPORT(channel_products_float);
HWY_EXPORT(channel_products_ring);

// The pairs of rows whose products are summed.
template <class T>
struct Pairs {
  std::vector<const T*> a, b;

  void clear() {
    a.clear();
    b.clear();
  }
  void add(const T* first, const T* second) {
    a.push_back(first);
    b.push_back(second);
  }
  void sum(std::int64_t channels, bool accumulate, const EpiloguePointers<T>& store, T* out) const {
    if constexpr (std::is_same_v<T, float>) {
      HWY_DYNAMIC_DISPATCH(channel_products_float)
      (a.data(), b.data(), a.size(), std::size_t(channels), accumulate, store, out);
    } else {
      HWY_DYNAMIC_DISPATCH(channel_products_ring)
      (a.data(), b.data(), a.size(), std::size_t(channels), accumulate, store, out);
    }
  }
};

constexpr std::size_t kRowGrain = 4;  // image rows of a chunk

}  // namespace

bool is_depthwise(const ConvGeometry& g) {
  return g.groups == g.c && g.groups == g.k;
}

template <class T>
void depthwise_convolve(const ConvGeometry& g, const T* x, const T* w,
                        const EpiloguePointers<T>& epilogue, T* y) {
  parallel_for(std::size_t(g.n * g.oh), kRowGrain, [&](std::size_t row, std::size_t end) {
    Pairs<T> pairs;
    for (; row < end; ++row) {
      const std::int64_t image = std::int64_t(row) / g.oh, oy = std::int64_t(row) % g.oh;
      for (std::int64_t ox = 0; ox < g.ow; ++ox) {
        pairs.clear();
        for (std::int64_t ky = 0; ky < g.kh; ++ky) {
          const std::int64_t iy = oy * g.stride + ky - g.padding;
          if (iy < 0 || iy >= g.h) continue;
          for (std::int64_t kx = 0; kx < g.kw; ++kx) {
            const std::int64_t ix = ox * g.stride + kx - g.padding;
            if (ix < 0 || ix >= g.w) continue;
            pairs.add(x + ((image * g.h + iy) * g.w + ix) * g.c, w + (ky * g.kw + kx) * g.c);
          }
        }
        const std::int64_t place = (std::int64_t(row) * g.ow + ox) * g.c;
        EpiloguePointers<T> store = epilogue;
        if (store.residual != nullptr) store.residual += place;
        pairs.sum(g.c, false, store, y + place);
      }
    }
  });
}

template <class T>
void depthwise_backward_input(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  // The output that meets input coordinate i through kernel element k, or -1.
  const auto output = [&](std::int64_t i, std::int64_t k, std::int64_t extent) {
    const std::int64_t shifted = i + g.padding - k;
    if (shifted < 0 || shifted % g.stride != 0 || shifted / g.stride >= extent) {
      return std::int64_t{-1};
    }
    return shifted / g.stride;
  };
  parallel_for(std::size_t(g.n * g.h), kRowGrain, [&](std::size_t row, std::size_t end) {
    Pairs<T> pairs;
    for (; row < end; ++row) {
      const std::int64_t image = std::int64_t(row) / g.h, iy = std::int64_t(row) % g.h;
      for (std::int64_t ix = 0; ix < g.w; ++ix) {
        pairs.clear();
        for (std::int64_t ky = 0; ky < g.kh; ++ky) {
          const std::int64_t oy = output(iy, ky, g.oh);
          for (std::int64_t kx = 0; oy >= 0 && kx < g.kw; ++kx) {
            const std::int64_t ox = output(ix, kx, g.ow);
            if (ox < 0) continue;
            pairs.add(dy + ((image * g.oh + oy) * g.ow + ox) * g.c, w + (ky * g.kw + kx) * g.c);
          }
        }
        pairs.sum(g.c, false, {}, dx + (std::int64_t(row) * g.w + ix) * g.c);
      }
    }
  });
}

template <class T>
void depthwise_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  parallel_chunks(std::size_t(g.kh * g.kw), [&](std::size_t tap) {
    const std::int64_t ky = std::int64_t(tap) / g.kw, kx = std::int64_t(tap) % g.kw;
    T* sums = dw + std::int64_t(tap) * g.c;
    std::fill(sums, sums + g.c, T(0));
    Pairs<T> pairs;
    for (std::int64_t row = 0; row < g.n * g.oh; ++row) {
      const std::int64_t image = row / g.oh, iy = row % g.oh * g.stride + ky - g.padding;
      if (iy < 0 || iy >= g.h) continue;
      pairs.clear();
      for (std::int64_t ox = 0; ox < g.ow; ++ox) {
        const std::int64_t ix = ox * g.stride + kx - g.padding;
        if (ix < 0 || ix >= g.w) continue;
        pairs.add(x + ((image * g.h + iy) * g.w + ix) * g.c, dy + (row * g.ow + ox) * g.c);
      }
      pairs.sum(g.c, true, {}, sums);
    }
  });
}

#define HUSH_INSTANTIATE(T)                                                            \
  template void depthwise_convolve(const ConvGeometry&, const T*, const T*,            \
                                   const EpiloguePointers<T>&, T*);                    \
  template void depthwise_backward_input(const ConvGeometry&, const T*, const T*, T*); \
  template void depthwise_backward_weight(const ConvGeometry&, const T*, const T*, T*);
HUSH_INSTANTIATE(float)
HUSH_INSTANTIATE(Ring)
#undef HUSH_INSTANTIATE

}  // namespace hush
#endif
