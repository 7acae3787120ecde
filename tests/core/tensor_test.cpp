// Shapes, element types, devices, tensors and the memory under them.
#include "core/tensor.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "core/storage.h"

namespace hush {
namespace {

TEST(ShapeTest, ExtentsElementsAndText) {
  const Shape shape{2, 3, 5};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[-1], 5);
  EXPECT_EQ(shape.elements(), 30);
  EXPECT_EQ(shape.text(), "[2, 3, 5]");
  EXPECT_EQ(shape.with(-3, 7), (Shape{7, 3, 5}));
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ(Shape{}.text(), "[]");
  EXPECT_EQ((Shape{4, 0}).elements(), 0);
}

TEST(ShapeTest, EqualityLooksAtRankToo) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_FALSE((Shape{2, 3}) == (Shape{2, 3, 1}));
  EXPECT_FALSE((Shape{2, 3}) == (Shape{3, 2}));
}

TEST(ShapeTest, WhatIsOutOfRangeIsRefused) {
  const Shape shape{2, 3};
  EXPECT_THROW(shape[2], ArgumentError);
  EXPECT_THROW(shape[-3], ArgumentError);
  EXPECT_THROW(shape.with(2, 1), ArgumentError);
  EXPECT_THROW((Shape{2, -1}), ArgumentError);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), ArgumentError);
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max() / 2;
  EXPECT_THROW(static_cast<void>(Shape({huge, 3}).elements()), ArgumentError);
}

TEST(DTypeTest, SizesAndNames) {
  EXPECT_EQ(size_of(DType::float32), sizeof(float));
  EXPECT_EQ(size_of(DType::ring64), sizeof(Ring));
  EXPECT_EQ(size_of(DType::int32), 4u);
  EXPECT_EQ(size_of(DType::uint8), 1u);
  EXPECT_EQ(name_of(DType::ring64), "ring64");
  EXPECT_EQ(kDTypeOf<const float>, DType::float32);
}

TEST(DTypeTest, ArithmeticIsOverFloatAndRingOnly) {
  const auto size = [](auto zero) { return sizeof(zero); };
  EXPECT_EQ(with_arithmetic_type(DType::float32, "test", size), 4u);
  EXPECT_EQ(with_arithmetic_type(DType::ring64, "test", size), 8u);
  EXPECT_THROW(with_arithmetic_type(DType::int32, "test", size), ArgumentError);
}

TEST(DeviceTest, TextAndBack) {
  for (const char* text : {"cpu", "cuda:0", "cuda:12"}) EXPECT_EQ(Device::parse(text).text(), text);
  EXPECT_EQ(Device::parse("cuda").text(), "cuda:0");
  for (const char* text : {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda: 1"})
    EXPECT_THROW(Device::parse(text), ArgumentError) << text;
}

TEST(TensorTest, CopiesShareMemoryAndClonesDoNot) {
  const Tensor a = Tensor::from({2, 2}, std::vector<float>{1, 2, 3, 4});
  const Tensor handle = a, copy = a.clone();
  a.values<float>()[0] = 9;
  EXPECT_EQ(handle.values<float>()[0], 9);
  EXPECT_EQ(copy.values<float>()[0], 1);
  EXPECT_TRUE(a.same_memory(handle));
  EXPECT_FALSE(a.same_memory(copy));
  EXPECT_FALSE(a.unique());
  EXPECT_TRUE(copy.unique());
}

TEST(TensorTest, RowsAndReshapesAreViews) {
  const Tensor a = Tensor::from({3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const Tensor middle = a.rows(1, 1);
  EXPECT_EQ(middle.shape(), (Shape{1, 2}));
  middle.values<float>()[1] = 40;
  EXPECT_EQ(a.reshaped({6}).values<float>()[3], 40);
  EXPECT_FALSE(a.unique()) << "a view of rows shares the memory";
  EXPECT_EQ(a.rows(3, 0).elements(), 0);
  EXPECT_THROW(a.rows(2, 2), ArgumentError);
  EXPECT_THROW(a.rows(-1, 1), ArgumentError);
  EXPECT_THROW(a.reshaped({5}), ArgumentError);
}

TEST(TensorTest, ViewKeepsTheMemoryAlive) {
  Tensor view;
  {
    const Tensor a = Tensor::from({2, 2}, std::vector<float>{1, 2, 3, 4});
    view = a.rows(1, 1);
  }
  EXPECT_EQ(view.values<float>()[1], 4);
}

TEST(TensorTest, FillsAndAssignments) {
  const Tensor a = Tensor::full({2, 3}, 2.5f), b = Tensor::zeros({2, 3}, DType::float32);
  EXPECT_EQ(a.values<float>()[5], 2.5f);
  EXPECT_EQ(b.values<float>()[5], 0);
  b.assign(a);
  EXPECT_EQ(b.values<float>()[5], 2.5f);
  b.zero();
  EXPECT_EQ(b.values<float>()[0], 0);
  EXPECT_THROW(b.assign(Tensor::full({3, 2}, 1)), ArgumentError);
  EXPECT_THROW(b.assign(Tensor::zeros({2, 3}, DType::int32)), ArgumentError);
  EXPECT_EQ(a.text(), "float32 [2, 3] on cpu");
}

TEST(TensorTest, LargeCopiesAndZerosReachTheLastByte) {
  const Shape shape{(3 << 20) + 1};  // several chunks and a rest
  const Tensor a = Tensor::empty(shape, DType::uint8);
  std::ranges::fill(a.values<std::uint8_t>(), std::uint8_t{7});
  const Tensor b = a.clone();
  EXPECT_TRUE(std::ranges::equal(a.values<std::uint8_t>(), b.values<std::uint8_t>()));
  b.zero();
  EXPECT_TRUE(std::ranges::all_of(b.values<std::uint8_t>(), [](int v) { return v == 0; }));
}

TEST(TensorTest, WrongUseIsRefused) {
  const Tensor a = Tensor::full({2}, 1);
  EXPECT_THROW(a.values<Ring>(), ArgumentError);
  EXPECT_THROW(Tensor::from({3}, std::vector<float>{1, 2}), ArgumentError);
  EXPECT_FALSE(Tensor().defined());
}

TEST(MemoryPoolTest, BlocksAreAlignedAndComeBack) {
  MemoryPool pool;
  std::byte* first = nullptr;
  {
    const auto block = pool.allocate(1000);
    first = block.get();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % MemoryPool::kAlignment, 0u);
    EXPECT_GE(pool.use().live_bytes, 1000u);
  }
  EXPECT_EQ(pool.use().live_bytes, 0u);
  EXPECT_GE(pool.use().reserved_bytes, 1000u);
  EXPECT_EQ(pool.allocate(1000).get(), first);
  pool.trim();
  EXPECT_EQ(pool.use().reserved_bytes, 0u);
}

TEST(MemoryPoolTest, RoundingWastesLittle) {
  MemoryPool pool;
  for (std::size_t bytes = 1; bytes < (1 << 20); bytes = bytes * 5 / 4 + 1) {
    const auto block = pool.allocate(bytes);
    EXPECT_GE(pool.use().live_bytes, bytes);
    EXPECT_LE(pool.use().live_bytes, std::max<std::size_t>(64, bytes + bytes / 8 + 64)) << bytes;
  }
}

TEST(MemoryPoolTest, PeakIsTheMostAtOneTime) {
  MemoryPool pool;
  { const auto a = pool.allocate(4096), b = pool.allocate(4096); }
  const auto c = pool.allocate(4096);
  EXPECT_EQ(pool.use().peak_bytes, 8192u);
  EXPECT_EQ(pool.use().live_bytes, 4096u);
  pool.reset_peak();
  EXPECT_EQ(pool.use().peak_bytes, 4096u);
}

TEST(MemoryPoolTest, AbsurdSizesAreRefused) {
  MemoryPool pool;
  EXPECT_THROW(pool.allocate(std::numeric_limits<std::size_t>::max()), ArgumentError);
  EXPECT_THROW(Tensor::empty({std::int64_t(1) << 50}, DType::float32), ArgumentError);
}

TEST(MemoryPoolTest, ManyThreadsMayUseIt) {
  MemoryPool pool;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&pool, t] {
      for (std::size_t i = 1; i < 500; ++i) {
        const auto block = pool.allocate(i * 100);
        std::fill_n(block.get(), i * 100, std::byte(t));
        ASSERT_EQ(block.get()[i * 100 - 1], std::byte(t));
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.use().live_bytes, 0u);
}

}  // namespace
}  // namespace hush
