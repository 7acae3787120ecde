// The OT provider: its correlations against the conformance suite, its traffic against the
// prediction, what it refuses, and how it fails.
#include "mpc/offline/ot_provider.h"

#include <gmock/gmock.h>

#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "mpc/offline/correlations.h"
#include "mpc/offline/ot_prediction.h"
#include "mpc/online/relu.h"
#include "tests/mpc/correlation_conformance.h"

namespace hush::mpc::test {
namespace {

constexpr OtExtension kExtension = OtOptions{}.extension;
using OtCosts = std::array<Cost, 2>;  // of the set-up, and of what was demanded

Traffic later(const Traffic& a, const Traffic& b) {
  return a.rounds > b.rounds ? a : b;
}

Demand of(const CorrelationRequest& request) {
  Demand demand;
  demand.add(request);
  return demand;
}

// Runs both parties and measures; `demands` are those of either party.
OtCosts run_provider(const std::array<const Demand*, 2>& demands, OtOptions options,
                     std::uint64_t label, Sources& sources) {
  ChannelPair channels = memory_channels();
  std::array<Traffic, 2> setup, total;
  const auto party = [&](int id) {
    const auto p = std::size_t(id);
    const auto own = std::move(channels[p]);
    OtProvider provider(id, *own, Generator::deterministic_for_tests(2 * label + p), options);
    setup[p] = own->traffic();
    provider.provide(*demands[p], sources[p]);
    total[p] = own->traffic();
  };
  in_threads([&] { party(0); }, [&] { party(1); });
  const auto rounds = later(setup[0], setup[1]).rounds;
  return {
      Cost{rounds, {setup[0].bytes_sent, setup[1].bytes_sent}},
      Cost{later(total[0], total[1]).rounds - rounds,
           {total[0].bytes_sent - setup[0].bytes_sent, total[1].bytes_sent - setup[1].bytes_sent}}};
}

void provide(const Demand& demand, std::uint64_t label, Sources& sources) {
  const OtCosts costs = run_provider({&demand, &demand}, {}, label, sources);
  EXPECT_EQ(costs[0], predict_ot_setup(kExtension));
  EXPECT_EQ(costs[1], predict_ot(kExtension, demand)) << demand.text();
}

INSTANTIATE_TEST_SUITE_P(Ot, CorrelationConformance, testing::Values(provide));

std::vector<CorrelationRequest> all_kinds(std::size_t n) {
  const auto conv = std::make_shared<Conv2d>(ConvOptions{.stride = 2, .padding = 1, .groups = 2});
  const auto linear = std::make_shared<Linear>(false);
  return {
      SquarePairs::request(n),
      Product::request(std::make_shared<Multiply>(), {std::int64_t(n)}, {std::int64_t(n)}),
      Product::request(linear, {3, 5}, {5, 7}),
      Product::request(conv, {2, 5, 5, 4}, {3, 3, 2, 6}),
      WeightMask::request({5, 7}, 9, Ownership::party0_weights),
      Product::request(linear, {3, 5}, {5, 7}, 9, Ownership::party0_weights),
      CrossAnds::request(n),
      AndTriples::request(n),
      CarryGroups::request(n, 2, false),
      CarryGroups::request(n, 3, true),
      CarryGroups::request(n, 4, true),
      BitPairs::request(n),
      Selections::request(n, 0),
      Selections::request(n, 16),
      Truncations::request(n, 16),
      TruncatedSquares::request(n, 16),
  };
}

class OtPrediction : public testing::TestWithParam<std::tuple<OtExtension, std::size_t>> {};

TEST_P(OtPrediction, IsExactForEveryKindAndInSequence) {
  const auto [extension, n] = GetParam();
  Demand everything;
  for (const CorrelationRequest& request : all_kinds(n)) everything.add(request);
  Sources sources;
  const OtCosts costs =
      run_provider({&everything, &everything}, {.extension = extension}, 1, sources);
  EXPECT_EQ(costs[0], predict_ot_setup(extension));
  EXPECT_EQ(costs[1], predict_ot(extension, everything));
  EXPECT_EQ(sources[0].size(), everything.requests().size());
  EXPECT_EQ(sources[1].size(), everything.requests().size());
}

INSTANTIATE_TEST_SUITE_P(All, OtPrediction,
                         testing::Values(std::tuple(OtExtension::kIknp, 130),
                                         std::tuple(OtExtension::kSoftSpoken2, 1),
                                         std::tuple(OtExtension::kSoftSpoken4, 9000),
                                         std::tuple(OtExtension::kSoftSpoken8, 64)));

// The masks of more elements than one portion holds, and a last portion that is not full.
TEST(OtCost, IsPredictedBeyondOneBatch) {
  const Demand demand = of(Truncations::request(kOtMaskPortion + 100, 16));
  Sources sources;
  const OtCosts costs = run_provider({&demand, &demand}, {}, 2, sources);
  EXPECT_EQ(costs[1], predict_ot(kExtension, demand));
  const Truncations t0(sources[0].take(demand.requests()[0]));
  const Truncations t1(sources[1].take(demand.requests()[0]));
  for (std::size_t i = 0; i < t0.r.size(); ++i) {
    const Ring r = t0.r[i] + t1.r[i];
    ASSERT_EQ(t0.r_high[i] + t1.r_high[i], r >> 16) << i;
    ASSERT_EQ(t0.r_sign[i] + t1.r_sign[i], r >> 63) << i;
  }
}

double bytes_per_element(const CorrelationRequest& request, double count) {
  const Cost cost = predict_ot(kExtension, of(request));
  return (double(cost.bytes_sent[0] + cost.bytes_sent[1]) - 2 * sizeof(Digest)) / count;
}

// The figures of the design document.
TEST(OtCost, IsAsDerived) {
  constexpr std::size_t kWords = 1280;
  constexpr double kBits = 64.0 * kWords;
  EXPECT_DOUBLE_EQ(bytes_per_element(CrossAnds::request(kWords), kBits), 4);
  EXPECT_DOUBLE_EQ(bytes_per_element(AndTriples::request(kWords), kBits), 8);
  EXPECT_DOUBLE_EQ(bytes_per_element(CarryGroups::request(kWords, 4, true), kBits),
                   6 * 4 + 2 * 22 / 8.0);
  EXPECT_DOUBLE_EQ(bytes_per_element(BitPairs::request(8192), 8192), 4 + 63 / 8.0);
  // 63 transfers, and 63 + 62 + … + 1 bits.
  EXPECT_DOUBLE_EQ(bytes_per_element(SquarePairs::request(8192), 8192), 63 * 4 + 63 * 64 / 2 / 8.0);
  Demand carry;
  demand_relu(carry, {ReluMethod::carry, 64, 0}, 64 * 1280);
  const Cost cost = predict_ot(kExtension, carry);
  EXPECT_LT(double(cost.bytes_sent[0] + cost.bytes_sent[1]) / (64 * 1280), 300 * 4)
      << "about 300 transfers a ReLU";
}

TEST(OtProvider, ServesAReluFromEndToEnd) {
  const std::size_t n = 1000;
  for (const ReluMethod method : {ReluMethod::carry, ReluMethod::a2b})
    for (const unsigned shift : {0u, 16u}) {
      const ReluOptions options{method, 64, shift};
      Demand demand;
      demand_relu(demand, options, n);
      Sources sources;
      run_provider({&demand, &demand}, {}, 3, sources);
      const SharedWords x(test_numbers(n, 61));
      ResultWords y(n);
      run_parties(sources, [&](Party& party) {
        converse(party, relu(party, options, x.part(party), y.part(party)));
      });
      const auto sum = y.sum();
      for (std::size_t i = 0; i < n; ++i) {
        const std::int64_t value = signed_value(x.secret[i]);
        if (value >> shift == -1 && shift != 0) continue;  // may truncate to either side of 0
        ASSERT_LE(sum[i] - (value < 0 ? 0 : x.secret[i] >> shift), shift == 0 ? 0u : 1u)
            << value << " by " << name_of(method);
      }
    }
}

TEST(OtProvider, NeverGivesAPieceTwice) {
  Demand demand;
  for (int i = 0; i < 3; ++i) demand.add(SquarePairs::request(100));
  Sources sources;
  run_provider({&demand, &demand}, {}, 4, sources);
  const SquarePairs first(sources[0].take(demand.requests()[0]));
  const SquarePairs second(sources[0].take(demand.requests()[0]));
  EXPECT_FALSE(std::equal(first.a.begin(), first.a.end(), second.a.begin()));
}

// What a refusal says, or nothing if there was none.
std::string refusal(const Demand& demand, OtOptions options = {}) {
  Sources sources;
  try {
    run_provider({&demand, &demand}, options, 5, sources);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return {};
}

TEST(OtProvider, RefusesComparisonKeys) {
  const Demand demand = of(Comparisons::request(1, 64, 0, ComparisonOutput::bit));
  EXPECT_THAT(refusal(demand), testing::HasSubstr("use a dealer"));
}

// A 3 x 3 convolution of ResNet-18 on CIFAR-10: 64 to 64 channels on 32 x 32.
TEST(OtProvider, RefusesHugeDemandsBeforeSendingAnything) {
  const auto conv = std::make_shared<Conv2d>(ConvOptions{.padding = 1});
  const Demand demand = of(Product::request(conv, {1, 32, 32, 64}, {3, 3, 64, 64}));
  const Cost cost = predict_ot(kExtension, demand);
  const double bytes = double(cost.bytes_sent[0] + cost.bytes_sent[1]);
  constexpr double kMultiplications = 2.0 * 1024 * 576 * 64;
  EXPECT_NEAR(bytes / kMultiplications, 260, 12) << "260 bytes a product, and the transfers";
  EXPECT_THAT(refusal(demand), testing::HasSubstr("GB, more than the 4.29 GB allowed"));
}

TEST(OtProvider, TakesWhatIsConfirmed) {
  const Demand demand = of(SquarePairs::request(100));
  EXPECT_THAT(refusal(demand, {.most_bytes = 1000}), testing::HasSubstr("GB"));
  EXPECT_EQ(refusal(demand, {.most_bytes = 100'000}), "");
}

TEST(OtProvider, RefusesOpsWithoutAMatrixForm) {
  CorrelationRequest request;
  request.kind = CorrelationKind::product;
  request.count = 1;
  request.op = std::make_shared<Map>(Unary::square);
  request.x = {4};
  EXPECT_THROW(predict_ot(OtExtension::kIknp, of(request)), ArgumentError);
}

TEST(OtProvider, NoticesDifferentDemands) {
  const Demand one = of(SquarePairs::request(10));
  const Demand other = of(SquarePairs::request(11));
  Sources sources;
  EXPECT_THROW(run_provider({&one, &other}, {}, 6, sources), ProtocolViolation);
  EXPECT_EQ(sources[0].size() + sources[1].size(), 0u);
}

// A party that goes away during the set-up or in the middle of a request.
TEST(OtProvider, FailsCleanlyWhenThePeerGoes) {
  const Demand demand = of(AndTriples::request(1000));
  for (const bool after_setup : {false, true}) {
    ChannelPair channels = memory_channels();
    const auto leave = [&] {
      const auto own = std::move(channels[1]);
      if (after_setup) OtProvider(1, *own, Generator::deterministic_for_tests(1));
    };
    const auto stay = [&] {
      const auto own = std::move(channels[0]);
      OtProvider provider(0, *own, Generator::deterministic_for_tests(2));
      MemorySource source;
      provider.provide(demand, source);
    };
    EXPECT_THROW(in_threads(stay, leave), PeerClosed);
  }
}

}  // namespace
}  // namespace hush::mpc::test
