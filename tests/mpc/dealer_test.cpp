// The dealer as a provider (its correlations against the conformance suite), and its messages.
#include "mpc/offline/dealer.h"

#include <set>

#include "core/ops/convolution.h"
#include "mpc/offline/correlations.h"
#include "tests/mpc/correlation_conformance.h"

namespace hush::mpc::test {
namespace {

void deal(const Demand& demand, std::uint64_t label, Sources& sources) {
  Dealer dealer(Generator::deterministic_for_tests(label));
  deal_to(demand, dealer, sources);
}

// The dealer that anyone would run: seeded by the operating system.
void deal_from_system(const Demand& demand, std::uint64_t /*label*/, Sources& sources) {
  Dealer dealer(Generator::from_system());
  deal_to(demand, dealer, sources);
}

INSTANTIATE_TEST_SUITE_P(Dealer, CorrelationConformance, testing::Values(deal));
INSTANTIATE_TEST_SUITE_P(SystemDealer, CorrelationConformance, testing::Values(deal_from_system));
INSTANTIATE_TEST_SUITE_P(Dealer, ComparisonConformance, testing::Values(deal));

Demand of(const CorrelationRequest& request) {
  Demand demand;
  demand.add(request);
  return demand;
}

// Bytes beyond the seed, per element, at party 1: the figures of the documentation.
double dealt_per_element(const CorrelationRequest& request, double count, int party = 1) {
  return double(of(request).dealt_bytes(party) - sizeof(Block)) / count;
}

TEST(Dealer, SendsOnlyCorrections) {
  constexpr std::size_t kCount = 64 * 1024;
  EXPECT_EQ(dealt_per_element(SquarePairs::request(kCount), kCount), 8);
  EXPECT_EQ(dealt_per_element(AndTriples::request(kCount), kCount), 8);
  EXPECT_EQ(dealt_per_element(BitPairs::request(kCount), kCount), 8);
  EXPECT_EQ(dealt_per_element(Selections::request(kCount, 0), kCount), 16);
  EXPECT_EQ(dealt_per_element(Selections::request(kCount, 16), kCount), 40);
  EXPECT_EQ(dealt_per_element(Truncations::request(kCount, 16), kCount), 16);
  EXPECT_EQ(dealt_per_element(TruncatedSquares::request(kCount, 16), kCount), 32);
  for (const auto& request : {SquarePairs::request(kCount), Selections::request(kCount, 16)})
    EXPECT_EQ(dealt_per_element(request, kCount, 0), 0) << "party 0 needs its seed alone";
}

// A party that gets nothing is told so, portion by portion: it never waits for a whole batch.
TEST(Dealer, SpeaksToBothInEveryPortion) {
  const Demand demand = of(SquarePairs::request(2 * kPortion + 1));
  std::array<ChannelPair, 2> channels = {memory_channels(), memory_channels()};
  std::array<MemorySource, 2> sources;
  const auto receive = [&](std::size_t party) {
    receive_correlations(int(party), demand, *channels[party][1], sources[party]);
    EXPECT_EQ(channels[party][1]->traffic().messages_received, 1u + 3u) << "party " << party;
  };
  in_threads(
      [&] {
        Dealer dealer(Generator::deterministic_for_tests(1));
        dealer.deal(demand, *channels[0][0], *channels[1][0]);
      },
      [&] { receive(0); }, [&] { receive(1); });
}

TEST(Portions, FollowEachOtherInEveryField) {
  const auto op = std::make_shared<Linear>(false);
  const std::size_t n = 2 * kPortion + 77;
  for (const CorrelationRequest& request :
       {SquarePairs::request(n), AndTriples::request(n), BitPairs::request(n),
        CarryGroups::request(n, 3, true), Selections::request(n, 16),
        Comparisons::request(n, 64, 0, ComparisonOutput::bit),
        Comparisons::request(n, 40, 16, ComparisonOutput::select),
        Comparisons::request(n, 64, 0, ComparisonOutput::product)}) {
    SCOPED_TRACE(request.text());
    const std::vector<Field> whole = layout(request);
    std::vector<std::size_t> next(whole.size());
    const std::vector<Portion> portions = portions_of(request);
    EXPECT_EQ(portions.size(), 3u);
    for (const Portion& portion : portions)
      for (std::size_t i = 0; i < whole.size(); ++i) {
        if (whole[i].source == FieldSource::announced) {
          EXPECT_EQ(portion.offsets[i], 0u);
          next[i] = portion.fields[i].words;
          EXPECT_EQ(portion.deals(i, 0), portion.first) << "announced once";
          continue;
        }
        EXPECT_EQ(portion.offsets[i], next[i]) << whole[i].name;
        next[i] += portion.fields[i].words;
      }
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(next[i], whole[i].words);
  }
  EXPECT_EQ(portions_of(Product::request(op, {1, 100}, {100, 200})).size(), 1u);
}

TEST(Dealer, SendsOneKeyAComparison) {
  constexpr std::size_t kCount = 3200;
  const auto key = [&](unsigned width, unsigned shift, ComparisonOutput output, int party) {
    return dealt_per_element(Comparisons::request(kCount, width, shift, output), kCount, party);
  };
  const double hash_key = 16.0 / kCount;
  EXPECT_DOUBLE_EQ(key(64, 0, ComparisonOutput::bit, 0), 912 + hash_key);
  EXPECT_DOUBLE_EQ(key(32, 0, ComparisonOutput::bit, 0), 400 + hash_key);
  EXPECT_DOUBLE_EQ(key(64, 0, ComparisonOutput::select, 1), 912 + 0.125 + 16 + hash_key);
  EXPECT_DOUBLE_EQ(key(64, 0, ComparisonOutput::product, 0), 2032 + hash_key);
  EXPECT_DOUBLE_EQ(key(64, 0, ComparisonOutput::product, 1), 2032 + 16 + hash_key);
  EXPECT_DOUBLE_EQ(key(32, 0, ComparisonOutput::product, 0), 1008 + hash_key);
  // 31 levels; a width of 64 leaves 48 bits after a shift by 16, so 47 levels.
  EXPECT_DOUBLE_EQ(key(32, 16, ComparisonOutput::product, 1), 31 * 48 + 32 + 48 + hash_key);
  EXPECT_DOUBLE_EQ(key(64, 16, ComparisonOutput::product, 1), 47 * 48 + 32 + 48 + hash_key);
}

// No two pieces, and no two queries, share a mask.
TEST(Dealer, NeverRepeatsItself) {
  Demand demand;
  for (int i = 0; i < 3; ++i) demand.add(SquarePairs::request(100));
  demand.add(BitPairs::request(100));
  std::set<Ring> seen;
  std::size_t drawn = 0;
  for (const std::uint64_t label : {1u, 2u}) {
    Sources sources;
    deal(demand, label, sources);
    for (int i = 0; i < 3; ++i)
      for (MemorySource& source : sources) {
        const SquarePairs pairs(source.take(SquarePairs::request(100)));
        seen.insert(pairs.a.begin(), pairs.a.end());
        seen.insert(pairs.a_squared.begin(), pairs.a_squared.end());
        drawn += 200;
      }
  }
  EXPECT_EQ(seen.size(), drawn);
}

TEST(Dealer, KeepsWeightMasksBetweenDeals) {
  const auto op = std::make_shared<Linear>(false);
  Dealer dealer(Generator::deterministic_for_tests(1));
  Sources sources;
  const auto mask_request = WeightMask::request({4, 4}, 9);
  const auto product_request = Product::request(op, {1, 4}, {4, 4}, 9);
  deal_to(of(mask_request), dealer, sources);
  deal_to(of(product_request), dealer, sources);
  const WeightMask b0(sources[0].take(mask_request));
  const WeightMask b1(sources[1].take(mask_request));
  const Product p0(sources[0].take(product_request));
  const Product p1(sources[1].take(product_request));
  for (std::size_t column = 0; column < 4; ++column) {
    Ring expected = 0;
    for (std::size_t k = 0; k < 4; ++k)
      expected += (p0.a[k] + p1.a[k]) * (b0.b[4 * k + column] + b1.b[4 * k + column]);
    EXPECT_EQ(p0.c[column] + p1.c[column], expected);
  }
  EXPECT_THROW(deal_to(of(mask_request), dealer, sources), ArgumentError) << "number used twice";
  EXPECT_THROW(deal_to(of(Product::request(op, {1, 4}, {4, 4}, 10)), dealer, sources),
               ArgumentError);
  EXPECT_THROW(deal_to(of(Product::request(op, {1, 4}, {4, 5}, 9)), dealer, sources),
               ArgumentError);
}

TEST(Dealer, RefusesAnotherDemand) {
  ChannelPair to0 = memory_channels();
  ChannelPair to1 = memory_channels();
  Dealer dealer(Generator::deterministic_for_tests(1));
  MemorySource source0;
  MemorySource source1;
  const auto receive = [](int party, std::unique_ptr<Channel> channel, std::size_t count,
                          MemorySource& source) {
    EXPECT_THROW(receive_correlations(party, of(SquarePairs::request(count)), *channel, source),
                 PeerClosed);
  };
  in_threads(
      [&] {
        const auto channel0 = std::move(to0[0]);
        const auto channel1 = std::move(to1[0]);
        EXPECT_THROW(dealer.deal(of(SquarePairs::request(10)), *channel0, *channel1),
                     ProtocolViolation);
        EXPECT_EQ(channel0->traffic().bytes_sent, 0u);
        EXPECT_EQ(channel1->traffic().bytes_sent, 0u);
      },
      [&] { receive(0, std::move(to0[1]), 10, source0); },
      [&] { receive(1, std::move(to1[1]), 11, source1); });
  EXPECT_EQ(source0.size() + source1.size(), 0u);
}

TEST(MemorySource, HandsOutEachPieceOnce) {
  MemorySource source;
  const auto request = SquarePairs::request(1);
  for (const Ring value : {Ring{5}, Ring{6}}) {
    CorrelationShare share = empty_share(request, 0);
    share.fields[0][0] = value;
    source.add(request, std::move(share));
  }
  EXPECT_EQ(SquarePairs(source.take(request)).a[0], 5u);
  EXPECT_EQ(SquarePairs(source.take(request)).a[0], 6u);
  EXPECT_THROW(source.take(request), CorrelationsExhausted);
}

TEST(CorrelationRequest, TextsTellRequestsApart) {
  const auto linear = std::make_shared<Linear>(false);
  const std::vector<CorrelationRequest> requests = {
      SquarePairs::request(1),
      SquarePairs::request(2),
      AndTriples::request(1),
      CarryGroups::request(1, 3, false),
      CarryGroups::request(1, 3, true),
      CarryGroups::request(1, 4, true),
      Truncations::request(1, 3),
      Truncations::request(1, 4),
      Comparisons::request(1, 64, 0, ComparisonOutput::bit),
      Comparisons::request(1, 64, 0, ComparisonOutput::product),
      Comparisons::request(1, 32, 0, ComparisonOutput::product),
      Comparisons::request(1, 32, 5, ComparisonOutput::product),
      WeightMask::request({2, 3}, 1),
      WeightMask::request({2, 3}, 2),
      WeightMask::request({2, 3}, 2, Ownership::party0_weights),
      Product::request(linear, {1, 2}, {2, 3}),
      Product::request(linear, {1, 2}, {2, 3}, 1),
      Product::request(linear, {2, 2}, {2, 3}, 1),
      Product::request(std::make_shared<Linear>(true), {1, 2}, {2, 3}),
  };
  std::set<std::string> texts;
  for (const CorrelationRequest& request : requests) texts.insert(request.text());
  EXPECT_EQ(texts.size(), requests.size());
}

}  // namespace
}  // namespace hush::mpc::test
