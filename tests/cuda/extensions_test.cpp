// Kernels beyond hush::Backend: ring, bits, random numbers, images.
#include "cuda/extensions.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "device_under_test.h"

namespace hush::cuda {
namespace {

class Extensions : public DeviceTest {};

using Tensors = std::vector<Tensor>;

TEST_F(Extensions, ShiftRightRoundsDown) {
  Tensor x = random_ring({300});
  x.values<Ring>()[0] = Ring(-1);
  x.values<Ring>()[1] = Ring(1) << 63;
  for (const int bits : {1, 16, 63})
    on_device(
        {x}, [&](CudaBackend& d, const Tensors& t) { shift_right(d, t[0], bits, t[0]); },
        [&](const Tensors& t) {
          for (std::size_t i = 0; i < 300; ++i)
            ASSERT_EQ(std::int64_t(t[0].values<Ring>()[i]),
                      std::int64_t(x.values<Ring>()[i]) >> bits);
        });
  const Tensor there = x.to(kDevice);
  EXPECT_THROW(shift_right(device(), there, 0, there), ArgumentError);
  EXPECT_THROW(shift_right(device(), there, 64, there), ArgumentError);
}

TEST_F(Extensions, TruncatedSharesAddUpToTheTruncatedValue) {
  constexpr int bits = 16;
  constexpr std::size_t n = 500;
  const Tensor mask = random_ring({std::int64_t(n)});
  Tensor other = mask.clone();
  std::vector<std::int64_t> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = (std::int64_t(i) - 250) * 123457;
    other.values<Ring>()[i] = Ring(values[i]) - mask.values<Ring>()[i];
  }
  on_device(
      {mask, other},
      [](CudaBackend& d, const Tensors& t) {
        truncate_share(d, 0, t[0], bits, t[0]);
        truncate_share(d, 1, t[1], bits, t[1]);
      },
      [&](const Tensors& t) {
        for (std::size_t i = 0; i < n; ++i) {
          const auto sum = std::int64_t(t[0].values<Ring>()[i] + t[1].values<Ring>()[i]);
          ASSERT_LE(std::abs(sum - (values[i] >> bits)), 1) << values[i];
        }
        // Each share by itself is what the paper says.
        EXPECT_EQ(t[0].values<Ring>()[7], mask.values<Ring>()[7] >> bits);
        EXPECT_EQ(t[1].values<Ring>()[7], Ring(0) - ((Ring(0) - other.values<Ring>()[7]) >> bits));
      });
  const Tensor there = mask.to(kDevice);
  EXPECT_THROW(truncate_share(device(), 2, there, bits, there), ArgumentError);
}

TEST_F(Extensions, BeaverAndOpensToTheProduct) {
  constexpr std::int64_t n = 130;
  // Distinct random tensors: the generator is keyed by the shape.
  const auto draw = [](std::int64_t extra) { return random_ring({n + extra}).rows(0, n).clone(); };
  const Tensor x0 = draw(1), x1 = draw(2), y0 = draw(3), y1 = draw(4), a0 = draw(5), a1 = draw(6),
               b0 = draw(7), b1 = draw(8), c0 = draw(9);
  Tensor c1 = c0.clone(), e = c0.clone(), f = c0.clone(), expected = c0.clone();
  const auto at = [](const Tensor& t, std::size_t i) { return t.values<Ring>()[i]; };
  for (std::size_t i = 0; i < std::size_t(n); ++i) {
    const Ring x = at(x0, i) ^ at(x1, i), y = at(y0, i) ^ at(y1, i);
    const Ring a = at(a0, i) ^ at(a1, i), b = at(b0, i) ^ at(b1, i);
    c1.values<Ring>()[i] = at(c0, i) ^ (a & b);
    e.values<Ring>()[i] = x ^ a;
    f.values<Ring>()[i] = y ^ b;
    expected.values<Ring>()[i] = x & y;
  }
  on_device(
      {a0, b0, c0, a1, b1, c1, e, f, result({n}, DType::ring64), result({n}, DType::ring64)},
      [](CudaBackend& d, const Tensors& t) {
        beaver_and(d, {t[0], t[1], t[2], t[6], t[7], t[8]}, true);
        beaver_and(d, {t[3], t[4], t[5], t[6], t[7], t[9]}, false);
      },
      [&](const Tensors& t) {
        for (std::size_t i = 0; i < std::size_t(n); ++i)
          ASSERT_EQ(at(t[8], i) ^ at(t[9], i), at(expected, i));
      });
}

TEST_F(Extensions, BitPlanesThereAndBack) {
  for (const std::int64_t n : {1, 32, 70, 300})
    for (const int bits : {1, 17, 32, 64}) {
      SCOPED_TRACE(fmt::format("{} elements, {} planes", n, bits));
      const Tensor x = random_ring({n});
      const std::int64_t words = (n + 31) / 32;
      on_device(
          {x, result({bits, words}, DType::int32), result({n}, DType::ring64)},
          [](CudaBackend& d, const Tensors& t) {
            to_bit_planes(d, t[0], t[1]);
            from_bit_planes(d, t[1], t[2]);
          },
          [&](const Tensors& t) {
            const auto planes = t[1].values<std::int32_t>();
            for (std::int64_t b = 0; b < bits; ++b)
              for (std::int64_t i = 0; i < words * 32; ++i) {
                const auto word = std::uint32_t(planes[std::size_t(b * words + i / 32)]);
                const Ring bit = i < n ? x.values<Ring>()[std::size_t(i)] >> b & 1 : 0;
                ASSERT_EQ(word >> (i % 32) & 1, bit) << "bit " << b << " of " << i;
              }
            const Ring kept = bits == 64 ? ~Ring{0} : (Ring{1} << bits) - 1;
            for (std::size_t i = 0; i < std::size_t(n); ++i)
              ASSERT_EQ(t[2].values<Ring>()[i], x.values<Ring>()[i] & kept);
          });
    }
}

// RFC 8439, section 2.4.2: the key stream of blocks 1 and 2, here as little-endian words.
TEST_F(Extensions, ChaCha20MatchesTheStandard) {
  std::array<std::uint32_t, 8> key{};
  for (std::uint32_t i = 0; i < 8; ++i) key[i] = 0x03020100 + i * 0x04040404;
  const std::array<std::uint32_t, 3> nonce{0, 0x4a000000, 0};
  const std::array<std::uint8_t, 20> expected{0x22, 0x4f, 0x51, 0xf3, 0x40, 0x1b, 0xd9,
                                              0xe1, 0x2f, 0xde, 0x27, 0x6f, 0xb8, 0x63,
                                              0x1d, 0xed, 0x8c, 0x13, 0x1f, 0x82};
  // One word short of a block, one past, and several thread blocks.
  for (const std::int64_t words : {15, 17, 5000}) {
    on_device(
        {result({words}, DType::int32), result({2}, DType::int32)},
        [&](CudaBackend& d, const Tensors& t) {
          fill_chacha20(d, key, 1, nonce, t[0]);
          fill_chacha20(d, key, 2, nonce, t[1]);
        },
        [&](const Tensors& t) {
          const auto bytes = reinterpret_cast<const std::uint8_t*>(t[0].raw());
          EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes));
          if (words > 17) {  // the second block continues the first
            EXPECT_EQ(t[0].values<std::int32_t>()[17], t[1].values<std::int32_t>()[1]);
          }
        });
  }
  const Tensor odd = Tensor::empty({3}, DType::uint8, kDevice);
  EXPECT_THROW(fill_chacha20(device(), key, 0, nonce, odd), ArgumentError);
}

TEST_F(Extensions, ChaCha20NeverRepeatsWhenTheCounterWraps) {
  const std::array<std::uint32_t, 8> key{1, 2, 3, 4, 5, 6, 7, 8};
  on_device(
      {result({48}, DType::int32), result({16}, DType::int32)},
      [&](CudaBackend& d, const Tensors& t) {
        fill_chacha20(d, key, 0xffffffffu, {9, 9, 9}, t[0]);
        fill_chacha20(d, key, 0, {10, 9, 9}, t[1]);
      },
      [](const Tensors& t) {
        const auto wrapped = t[0].values<std::int32_t>();
        const auto next = t[1].values<std::int32_t>();
        EXPECT_TRUE(std::equal(next.begin(), next.end(), wrapped.begin() + 16));
      });
}

TEST_F(Extensions, RandomFillsAreTheStreamsNumbers) {
  constexpr std::uint64_t seed = 0x123456789abcdef0, index = 0xfedcba9876543210;
  on_device(
      {result({1031}), result({515})},
      [](CudaBackend& d, const Tensors& t) {
        fill_uniform(d, seed, RandomUse::augmentation, index, t[0]);
        fill_normal(d, seed, RandomUse::augmentation, index, t[1]);
      },
      [](const Tensors& t) {
        RandomStream uniform(seed, RandomUse::augmentation, index), normal = uniform;
        for (const float v : t[0].values<float>()) ASSERT_EQ(v, uniform.uniform());
        for (const float v : t[1].values<float>()) ASSERT_NEAR(v, normal.normal(), 1e-5f);
      });
}

TEST_F(Extensions, PlaceImagesCropsFlipsAndNormalizes) {
  constexpr std::int64_t images = 3, height = 5, width = 6, channels = 3;
  const Shape shape{images, height, width, channels};
  Tensor pixels = Tensor::empty(shape, DType::uint8);
  std::uint8_t next = 17;
  for (std::uint8_t& v : pixels.values<std::uint8_t>()) v = next += 37;
  const Tensor placement = Tensor::from<std::int32_t>(
      {images, 3}, std::vector<std::int32_t>{0, 0, 0, -2, 1, 1, 3, -4, 0});
  const Tensor mean = reals({channels}, 0, 1), std = reals({channels}, 0.2f, 0.3f);
  const auto expected = [&](std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
    const std::int32_t* place = placement.data<std::int32_t>() + 3 * n;
    const std::int64_t from_h = h + place[0];
    const std::int64_t from_w = (place[2] != 0 ? width - 1 - w : w) + place[1];
    const bool inside = from_h >= 0 && from_h < height && from_w >= 0 && from_w < width;
    const std::int64_t from = ((n * height + from_h) * width + from_w) * channels + c;
    const float value = inside ? float(pixels.data<std::uint8_t>()[from]) : 0.0f;
    return (value / 255 - mean.data<float>()[c]) / std.data<float>()[c];
  };
  on_device(
      {pixels, placement, mean, std, result(shape)},
      [](CudaBackend& d, const Tensors& t) { place_images(d, t[0], t[1], t[2], t[3], t[4]); },
      [&](const Tensors& t) {
        const float* actual = t[4].data<float>();
        for (std::int64_t n = 0; n < images; ++n)
          for (std::int64_t h = 0; h < height; ++h)
            for (std::int64_t w = 0; w < width; ++w)
              for (std::int64_t c = 0; c < channels; ++c)
                ASSERT_NEAR(*actual++, expected(n, h, w, c), 1e-5f) << n << h << w << c;
      });
}

}  // namespace
}  // namespace hush::cuda
