// The emulated cp.async and ldmatrix: what they bring where (PTX ISA, "ldmatrix"), and that
// mistakes in waiting for copies show.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/kernels/pipelined_product.cuh"

namespace hush::cuda {
namespace {

using emulator::DeviceError;
using emulator::Order;

constexpr Order kOrders[] = {Order::ascending, Order::descending, Order::shuffled};

struct alignas(16) Row {
  std::uint16_t of[8];
};

class Staging : public testing::Test {
 protected:
  void TearDown() override { emulator::set_order(Order::ascending); }
};

// PTX ISA: "each thread receives elements of row lane / 4, 2 · (lane mod 4) and the next", and
// threads 8q … 8q + 7 give the rows of matrix q; with .trans each matrix is read by columns.
TEST_F(Staging, MatricesLieAsThePtxIsaSays) {
  std::vector<Row> rows(32);
  for (unsigned r = 0; r < 32; ++r)
    for (unsigned i = 0; i < 8; ++i) rows[r].of[i] = std::uint16_t(100 * r + i);
  for (const Order order : kOrders) {
    emulator::set_order(order);
    std::vector<std::uint32_t> plain(128), transposed(128);
    emulator::run(dim3(1), dim3(32), [&] {
      std::uint32_t words[4];
      load_matrices(words, &rows[threadIdx.x]);
      std::copy(words, words + 4, &plain[4 * threadIdx.x]);
      load_matrices_transposed(words, &rows[threadIdx.x]);
      std::copy(words, words + 4, &transposed[4 * threadIdx.x]);
    });
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned q = 0; q < 4; ++q) {
        const unsigned major = lane / 4, minor = 2 * (lane % 4);
        const auto element = [&](unsigned row, unsigned column) {
          return 100 * (8 * q + row) + column;
        };
        EXPECT_EQ(plain[4 * lane + q], element(major, minor) | element(major, minor + 1) << 16);
        EXPECT_EQ(transposed[4 * lane + q], element(minor, major) | element(minor + 1, major)
                                                                        << 16);
      }
  }
}

struct TwoRows {
  Row of[2];
};

// Copies two rows as two groups, waits for all but `newest`, and reads both.
template <int newest>
__global__ void copy_and_read(const Row* from, bool zeros, Row* out) {
  auto& shared = shared_memory<TwoRows>();
  for (int i = 0; i < 2; ++i) {
    copy_async(&shared.of[i], &from[i], zeros);
    commit_copies();
  }
  wait_for_copies<newest>();
  for (int i = 0; i < 2; ++i) out[i] = shared.of[i];
  wait_for_copies<0>();
}

std::string run(const std::function<void()>& thread_body, unsigned threads = 1) {
  try {
    emulator::run(dim3(1), dim3(threads), thread_body);
  } catch (const DeviceError& error) {
    return error.what();
  }
  return {};
}

TEST_F(Staging, CopiesComeInTheOrderOfTheirGroups) {
  const std::vector<Row> from = {{{1, 2, 3, 4, 5, 6, 7, 8}}, {{9, 10, 11, 12, 13, 14, 15, 16}}};
  for (const Order order : kOrders) {
    emulator::set_order(order);
    std::vector<Row> out(2);
    EXPECT_EQ(run([&] { copy_and_read<0>(from.data(), false, out.data()); }), "");
    for (unsigned i = 0; i < 2; ++i)
      EXPECT_TRUE(std::equal(from[i].of, from[i].of + 8, out[i].of)) << "row " << i;
    EXPECT_EQ(run([&] { copy_and_read<1>(from.data(), false, out.data()); }), "");
    EXPECT_TRUE(std::equal(from[0].of, from[0].of + 8, out[0].of));
    EXPECT_EQ(run([&] { copy_and_read<0>(from.data(), true, out.data()); }), "");
    for (const Row& row : out)
      for (const std::uint16_t element : row.of) EXPECT_EQ(element, 0);
  }
}

// A wait that is missing shows where copies come late: what is read is still the NaN pattern.
TEST_F(Staging, AMissingWaitDependsOnTheOrder) {
  const std::vector<Row> from = {{{1}}, {{2}}};
  std::vector<Row> early(2), late(2);
  EXPECT_EQ(run([&] { copy_and_read<1>(from.data(), false, early.data()); }), "");
  emulator::set_order(Order::descending);
  EXPECT_EQ(run([&] { copy_and_read<1>(from.data(), false, late.data()); }), "");
  EXPECT_EQ(early[1].of[0], 2);
  EXPECT_EQ(late[1].of[0], 0xffff);
}

// A copy into what is still to be read shows where copies come early.
TEST_F(Staging, ACopyThatStartsTooEarlyDependsOnTheOrder) {
  const std::vector<Row> from = {{{1}}, {{2}}};
  const auto value = [&](Order order) {
    emulator::set_order(order);
    int seen = 0;
    emulator::run(dim3(1), dim3(1), [&] {
      Row& row = shared_memory<Row>();
      row.of[0] = 7;
      copy_async(&row, from.data(), false);
      commit_copies();
      seen = row.of[0];
      wait_for_copies<0>();
    });
    return seen;
  };
  EXPECT_EQ(value(Order::ascending), 1);
  EXPECT_EQ(value(Order::descending), 7);
}

TEST_F(Staging, MisuseIsReported) {
  const std::vector<Row> rows(32);
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  emulator::set_order(Order::descending);
  EXPECT_TRUE(has(run([&] {
                    copy_async(&shared_memory<Row>(), rows.data(), false);
                    commit_copies();
                  }),
                  "thread 0 returned without waiting for its copies"));
  EXPECT_TRUE(has(run([&] { copy_async(&shared_memory<Row>().of[1], rows.data(), false); }),
                  "not aligned to 16 bytes, thread 0"));
  EXPECT_TRUE(has(run([&] { copy_async(&shared_memory<Row>(), &rows[0].of[4], false); }),
                  "not aligned to 16 bytes"));
  std::uint32_t words[4];
  EXPECT_TRUE(has(run([&] { load_matrices(words, &rows[0].of[1]); }, 32), "not aligned"));
  EXPECT_TRUE(has(run([&] { load_matrices(words, rows.data()); }, 40), "does not fill its warps"));
}

// Neither eight copies of neighbouring chunks nor the eight rows of a matrix meet one of the eight
// sixteen-byte groups of banks twice, and no two chunks lie in one place.
template <int chunks>
void expect_chunks_apart(int rows) {
  std::vector<int> taken(std::size_t(rows * chunks));
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < chunks; ++c) ++taken[std::size_t(chunk_place<chunks>(r, c))];
  EXPECT_EQ(taken, std::vector<int>(taken.size(), 1));
  const auto banks = [](const auto& place) {
    int seen = 0;
    for (int i = 0; i < 8; ++i) seen |= 1 << place(i) % 8;
    return seen;
  };
  for (int c = 0; c < chunks; ++c)
    for (int r = 0; r < rows; r += 8)
      EXPECT_EQ(banks([&](int i) { return chunk_place<chunks>(r + i, c); }), 0xff);
  for (int first = 0; first < rows * chunks; first += 8)
    EXPECT_EQ(banks([&](int i) {
                return chunk_place<chunks>((first + i) / chunks, (first + i) % chunks);
              }),
              0xff);
}

TEST_F(Staging, NoBankIsMetTwice) {
  expect_chunks_apart<4>(128);
  expect_chunks_apart<8>(32);
  expect_chunks_apart<16>(32);
}

}  // namespace
}  // namespace hush::cuda
