// Correlations that wait in a file come back as they were, in order, and once.
#include <gtest/gtest.h>

#include <filesystem>

#include "mpc/offline/correlations.h"
#include "mpc/offline/spooled_source.h"
#include "tests/mpc/two_party.h"

namespace hush::mpc::test {
namespace {

namespace fs = std::filesystem;

class SpooledSourceTest : public testing::Test {
 protected:
  SpooledSourceTest() { fs::create_directories(folder_); }
  ~SpooledSourceTest() override { fs::remove_all(folder_); }

  static void add(SpooledSource& source, std::uint64_t count, Ring value) {
    const auto request = SquarePairs::request(count);
    CorrelationShare share = empty_share(request, 0);
    for (Ring& word : share.fields[0]) word = value++;
    source.add(request, std::move(share));
  }
  static std::vector<Ring> take(SpooledSource& source, std::uint64_t count) {
    const SquarePairs pairs(source.take(SquarePairs::request(count)));
    return {pairs.a.begin(), pairs.a.end()};
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("hush_spool_test_" + std::to_string(getpid()));
};

TEST_F(SpooledSourceTest, HandsOutEachPieceOnceInOrder) {
  SpooledSource source(folder_, 0);
  for (int round = 0; round < 2; ++round) {  // the second begins with an empty file again
    add(source, 3, 10);
    add(source, 1, 20);
    add(source, 3, 30);
    EXPECT_EQ(take(source, 3), (std::vector<Ring>{10, 11, 12}));
    EXPECT_EQ(take(source, 3), (std::vector<Ring>{30, 31, 32}));
    EXPECT_THROW(take(source, 3), CorrelationsExhausted);
    EXPECT_EQ(take(source, 1), (std::vector<Ring>{20}));
    EXPECT_THROW(take(source, 1), CorrelationsExhausted);
  }
}

TEST_F(SpooledSourceTest, TakesWhatADealerDeals) {
  Demand demand;
  demand.add(SquarePairs::request(5));
  demand.add(Truncations::request(7, 3));
  Sources kept;
  Dealer first(Generator::from_seed({1}));
  deal_to(demand, first, kept);
  Dealer again(Generator::from_seed({1}));
  ChannelPair to0 = memory_channels(), to1 = memory_channels();
  SpooledSource spooled(folder_, 1);
  MemorySource other;
  in_threads([&] { again.deal(demand, *to0[0], *to1[0]); },
             [&] { receive_correlations(0, demand, *to0[1], other); },
             [&] { receive_correlations(1, demand, *to1[1], spooled); });
  for (const CorrelationRequest& request : demand.requests()) {
    const CorrelationShare want = kept[1].take(request), have = spooled.take(request);
    ASSERT_EQ(have.fields.size(), want.fields.size());
    for (std::size_t i = 0; i < want.fields.size(); ++i)
      EXPECT_TRUE(std::ranges::equal(have.fields[i], want.fields[i])) << i;
  }
}

TEST_F(SpooledSourceTest, LeavesNoName) {
  SpooledSource source(folder_, 0);
  add(source, 100, 1);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(SpooledSourceTest, WithoutAFolderIsAnError) {
  EXPECT_THROW(SpooledSource(folder_ / "missing", 0), FileError);
}

}  // namespace
}  // namespace hush::mpc::test
