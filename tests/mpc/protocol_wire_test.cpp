// The wire baseline: with deterministic randomness, SHA-256 over every message each party sends
// (tags, sizes, bytes). A change that alters what is said in any way fails here. If that was the
// intention, raise kProtocolVersion and put in the digests that this test prints.
#include <gtest/gtest.h>

#include "core/ops/convolution.h"
#include "mpc/online/binary.h"
#include "mpc/online/maximum.h"
#include "mpc/online/selection.h"
#include "mpc/online/sigmoid.h"
#include "mpc/online/square.h"
#include "mpc/online/truncation.h"
#include "mpc/online/weight_layer.h"
#include "tests/mpc/two_party.h"

namespace hush::mpc::test {
namespace {

constexpr std::size_t kCount = 100;
constexpr std::size_t kColumns = 10;

struct Words {
  SharedWords x{test_numbers(kCount, 30)};
  SharedWords bits{test_numbers(bit_words(kCount), 63)};
  ResultWords y{kCount}, y2{kCount};
};

// A protocol with what it demands.
struct Subject {
  const char* name;
  void (*demand)(Demand& demand);
  Conversation (*run)(Party& party, Words& words);
  const char* digest0;
  const char* digest1;
};

template <ReluMethod kMethod, unsigned kWidth, unsigned kShift>
Subject relu_subject(const char* name, const char* digest0, const char* digest1) {
  return {name,
          [](Demand& demand) {
            demand_relu(demand, {kMethod, kWidth, kShift}, kCount);
          },
          [](Party& party, Words& w) {
            return relu(party, {kMethod, kWidth, kShift}, w.x.part(party), w.y.part(party));
          },
          digest0, digest1};
}

std::vector<Subject> subjects() {
  using enum ReluMethod;
  return {
      {"square", [](Demand& d) { demand_square(d, kCount); },
       [](Party& p, Words& w) { return square(p, w.x.part(p), w.y.part(p)); }, "85382bdd7da333f2",
       "09587eba4ba3a139"},
      {"truncate", [](Demand& d) { demand_truncate(d, 16, kCount); },
       [](Party& p, Words& w) { return truncate(p, 16, w.x.part(p), w.y.part(p)); },
       "20850e720417d9f7", "29193445256b7e4b"},
      {"truncate_square", [](Demand& d) { demand_truncate_square(d, 16, kCount); },
       [](Party& p, Words& w) {
         return truncate_square(p, 16, w.x.part(p), w.y.part(p), w.y2.part(p));
       },
       "20850e720417d9f7", "29193445256b7e4b"},
      {"select", [](Demand& d) { demand_select(d, 16, kCount); },
       [](Party& p, Words& w) { return select(p, 16, w.bits.part(p), w.x.part(p), w.y.part(p)); },
       "5605ef70445e6aba", "22dcb8ce4ffbc343"},
      {"binary_to_arithmetic", [](Demand& d) { demand_binary_to_arithmetic(d, kCount); },
       [](Party& p, Words& w) { return binary_to_arithmetic(p, w.x.part(p), w.y.part(p)); },
       "ea44887de97b3c2a", "b8ab3aaac4bbac3a"},
      relu_subject<a2b, 64, 0>("relu a2b", "f976f930682b21ba", "7bc369dbeb7ac85e"),
      relu_subject<carry, 64, 0>("relu carry", "e52dd52718c3f97d", "9718cc56cb8e1fd1"),
      relu_subject<carry, 32, 16>("relu carry 32 >> 16", "be52c6b9bc26636f", "ebc0330e81064540"),
      relu_subject<dcf, 64, 0>("relu dcf", "41e54457c6fe9bc7", "29193445256b7e4b"),
      relu_subject<dcf, 40, 16>("relu dcf 40 >> 16", "20850e720417d9f7", "29193445256b7e4b"),
      relu_subject<dcf_select, 64, 0>("relu dcf-select", "d9603f7f893a0497", "485bb9716f0e2bf6"),
      {"argmax",
       [](Demand& d) {
         demand_argmax(d, {carry, 64, 0}, kCount / kColumns, kColumns);
       },
       [](Party& p, Words& w) {
         return argmax(p, {carry, 64, 0}, kColumns, w.x.part(p),
                       w.y.part(p).first(kCount / kColumns));
       },
       "f4cc5fe2f9cf1acc", "6a850d1b043e4e83"},
      {"sigmoid",
       [](Demand& d) {
         demand_sigmoid(d, {dcf, 64, 0}, 16, kCount);
       },
       [](Party& p, Words& w) {
         return sigmoid(p, {dcf, 64, 0}, 16, w.x.part(p), w.y.part(p));
       },
       "6eb9db6773ec5667", "d213c7cf347b90e4"},
  };
}

// Eight bytes say enough.
std::string start_of(const Digest& digest) {
  return hex(std::span(digest).first(8));
}

TEST(WireBaseline, OfEachProtocol) {
  for (const Subject& subject : subjects()) {
    Demand demand;
    subject.demand(demand);
    Words words;
    const auto results =
        run_dealt(demand, [&](Party& party) { converse(party, subject.run(party, words)); });
    EXPECT_EQ(start_of(results[0].digest), subject.digest0) << subject.name << ", party 0";
    EXPECT_EQ(start_of(results[1].digest), subject.digest1) << subject.name << ", party 1";
  }
}

// It says what truncate_square says.
TEST(WireBaseline, OfAQuadratic) {
  Demand demand;
  demand_truncate_square(demand, 16, kCount);
  const std::vector<Ring> coefficient = {1};
  const std::vector<ElementRun> all = {{0, std::uint32_t(kCount)}};
  Words words;
  const auto results = run_dealt(demand, [&](Party& party) {
    const ChannelQuadratics coefficients{coefficient, coefficient, coefficient};
    converse(party, truncate_quadratic(party, 16, coefficients, all, kCount, words.x.part(party),
                                       words.y.part(party)));
  });
  EXPECT_EQ(start_of(results[0].digest), "20850e720417d9f7");
  EXPECT_EQ(start_of(results[1].digest), "29193445256b7e4b");
}

TEST(WireBaseline, OfAWeightLayer) {
  const auto op = std::make_shared<Linear>(false);
  const char* const expected[2][2] = {{"cf0f46d7c9e4c8ed", "5ac2ef90d951d8ee"},
                                      {"eaa6132cc0dc128d", "09587eba4ba3a139"}};
  for (const Ownership ownership : {Ownership::shared, Ownership::party0_weights}) {
    const WeightLayerOptions options{op, {10, 10}, {10, 5}, 1, ownership};
    Demand demand;
    WeightLayer(options).demand_set_up(demand);
    WeightLayer(options).demand_run(demand, 10);
    const SharedWords x(test_numbers(100, 30));
    const SharedWords w(test_numbers(50, 20));
    const auto results = run_dealt(demand, [&](Party& party) {
      WeightLayer layer(options);
      converse(party, layer.set_up(party, Tensor::from({10, 5}, w.part(party))));
      PreparedInput prepared = layer.prepare(party.source(), 10);
      converse(party,
               layer.run(party, std::move(prepared), Share{Tensor::from({10, 10}, x.part(party))},
                         Share{Tensor::empty({10, 5}, DType::ring64)}));
    });
    for (std::size_t party = 0; party < 2; ++party)
      EXPECT_EQ(start_of(results[party].digest), expected[int(ownership)][party])
          << "party " << party;
  }
}

TEST(WireBaseline, OfTheDealer) {
  Demand demand;
  for (const Subject& subject : subjects()) subject.demand(demand);
  Sources sources;
  std::array<ChannelPair, 2> channels = {memory_channels(), memory_channels()};
  std::array<Digest, 2> digests{};
  in_threads(
      [&] {
        const auto to0 = std::move(channels[0][0]);
        const auto to1 = std::move(channels[1][0]);
        DigestChannel digest0(*to0);
        DigestChannel digest1(*to1);
        Dealer(Generator::deterministic_for_tests(1)).deal(demand, digest0, digest1);
        digests = {digest0.digest(), digest1.digest()};
      },
      [&] { receive_correlations(0, demand, *channels[0][1], sources[0]); },
      [&] { receive_correlations(1, demand, *channels[1][1], sources[1]); });
  EXPECT_EQ(start_of(digests[0]), "e8353fb2b73942cf");
  EXPECT_EQ(start_of(digests[1]), "079c49b25d2eb15a");
}

}  // namespace
}  // namespace hush::mpc::test
