// What ranks do together, tried with threads: sums in a fixed order, gathering, giving up.
#include "parallel/thread_ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>

#include "parallel/agreement.h"

namespace hush::parallel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ThreadRanks, SumsHaveTheSameBitsOnAllRanks) {
  for (const int size : {1, 2, 3, 5}) {
    std::vector<std::vector<float>> sums(static_cast<std::size_t>(size));
    run_thread_ranks(size, [&](Communicator& ranks) {
      const Tensor values = Tensor::empty({1000}, DType::float32), more = Tensor::full({3}, 2);
      for (std::size_t i = 0; i < 1000; ++i)
        values.values<float>()[i] = 1 / (1 + float(i) + float(ranks.rank()));
      ranks.start_sum(values);
      ranks.start_sum(more);
      ranks.finish_sums();
      EXPECT_EQ(more.values<float>()[2], float(2 * ranks.size()));
      sums[std::size_t(ranks.rank())] = {values.values<float>().begin(),
                                         values.values<float>().end()};
    });
    double want = 0;
    for (int r = 0; r < size; ++r) want += double(1 / (1 + 7.0f + float(r)));
    EXPECT_EQ(sums[0][7], float(want));
    for (const auto& sum : sums) EXPECT_EQ(sum, sums[0]);
  }
}

TEST(ThreadRanks, GatherAndBroadcast) {
  run_thread_ranks(3, [](Communicator& ranks) {
    EXPECT_THAT(ranks.gather(ranks.rank() * 10), ElementsAre(0, 10, 20));
    EXPECT_THAT(ranks.gather_all(std::vector<int>{ranks.rank(), 7}), ElementsAre(0, 7, 1, 7, 2, 7));
    EXPECT_THAT(ranks.gather_texts(std::string(std::size_t(ranks.rank()), 'a')),
                ElementsAre("", "a", "aa"));
    EXPECT_TRUE(ranks.any(ranks.rank() == 2));
    EXPECT_FALSE(ranks.any(false));
    int value = 40 + ranks.rank();
    ranks.broadcast(std::as_writable_bytes(std::span(&value, 1)));
    EXPECT_EQ(value, 40);
  });
}

TEST(ThreadRanks, OneThatThrowsEndsTheOthersWaits) {
  std::atomic<int> ended = 0;
  try {
    run_thread_ranks(3, [&](Communicator& ranks) {
      if (ranks.rank() == 1) throw FileError("disk full");
      try {
        ranks.barrier();
        ranks.barrier();
      } catch (const RankError& error) {
        EXPECT_TRUE(error.silent);
        ++ended;
        throw;
      }
    });
    FAIL() << "no error";
  } catch (const FileError& error) {
    EXPECT_STREQ(error.what(), "disk full");
  }
  EXPECT_EQ(ended, 2);
}

TEST(ThreadRanks, OnlyFloatsAreSummed) {
  EXPECT_THROW(
      run_thread_ranks(
          2, [](Communicator& ranks) { ranks.start_sum(Tensor::zeros({2}, DType::int32)); }),
      ArgumentError);
}

TEST(RankOrder, SumsAreTakenInDoubleAndRoundedOnce) {
  const std::vector<float> a(2000, 1e8f), b(2000, 1), c(2000, -1e8f);
  const std::array parts{a.data(), b.data(), c.data()};
  std::vector<float> sum(2000);
  add_in_rank_order(parts, sum.size(), sum.data());  // in float, b would be lost
  EXPECT_THAT(sum, testing::Each(1.0f));
}

// What the ranks threw, by rank; empty for none.
std::vector<std::string> disagreement(const std::vector<Facts>& facts) {
  std::vector<std::string> thrown(facts.size());
  std::atomic<int> loud = 0;
  run_thread_ranks(int(facts.size()), [&](Communicator& ranks) {
    try {
      require_alike(ranks, facts[std::size_t(ranks.rank())]);
    } catch (const RankError& error) {
      thrown[std::size_t(ranks.rank())] = error.what();
      loud += error.silent ? 0 : 1;
      EXPECT_EQ(error.silent, ranks.rank() != 0);
    }
  });
  EXPECT_LE(loud, 1);
  return thrown;
}

TEST(Agreement, EqualRanksGoOn) {
  const Facts facts{{"lr", "0.1"}, {"data", ""}};
  EXPECT_THAT(disagreement({facts, facts, facts}), ElementsAre("", "", ""));
}

TEST(Agreement, TheFirstDifferenceIsNamedOnAllRanks) {
  const auto thrown = disagreement({{{"revision", "abc"}, {"lr", "0.1"}},
                                    {{"revision", "abc"}, {"lr", "0.1"}},
                                    {{"revision", "abd"}, {"lr", "0.3"}}});
  EXPECT_THAT(thrown[0], HasSubstr("rank 2 differs: revision is 'abd' there and 'abc' on rank 0"));
  EXPECT_EQ(thrown[1], thrown[0]);
  EXPECT_EQ(thrown[2], thrown[0]);
  EXPECT_EQ(thrown[0].find('\n'), std::string::npos);
}

TEST(Agreement, AFactMoreIsADifference) {
  EXPECT_THAT(disagreement({{{"a", "1"}}, {{"a", "1"}, {"b", "2"}}})[0], HasSubstr("rank 1"));
  EXPECT_THAT(disagreement({{{"a", "1"}}, {{"b", "1"}}})[0],
              HasSubstr("it has b where rank 0 has a"));
}

}  // namespace
}  // namespace hush::parallel
