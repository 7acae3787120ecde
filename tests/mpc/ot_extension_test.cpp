// Every flavour of OT against its definition, for every extension and for odd sizes, with predicted
// traffic equal to measured traffic; the wire digest; and what goes over the wire looks random.
#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "mpc/ot/bit_packing.h"
#include "mpc/ot/chosen_ot.h"
#include "mpc/ot/correlated_ot.h"
#include "mpc/ot/random_ot.h"
#include "mpc/ot/ring_ot.h"
#include "ot_two_party.h"

namespace hush::mpc {
namespace {

using test::OtParties;
using test::random_words;
using test::TestParty;
using test::TwoParties;

constexpr std::size_t kCounts[] = {1, 63, 127, 128, 129, 513, 4097, kOtChunk, kOtChunk + 1, 20000};

std::string extension_name(const testing::TestParamInfo<OtExtension>& info) {
  return info.param == OtExtension::kIknp
             ? "Iknp"
             : "SoftSpoken" + std::to_string(static_cast<unsigned>(info.param));
}

class Extensions : public testing::TestWithParam<OtExtension> {};
INSTANTIATE_TEST_SUITE_P(All, Extensions, testing::ValuesIn(test::kAllExtensions), extension_name);

TEST_P(Extensions, CorrelatedOtIsCorrelated) {
  TwoParties parties;
  std::unique_ptr<CotSender> sender;
  std::unique_ptr<CotReceiver> receiver;
  const OtCost setup = parties.run(
      [&](TestParty& p) {
        sender = std::make_unique<CotSender>(p.channel(), p.generator(), GetParam());
      },
      [&](TestParty& p) {
        receiver = std::make_unique<CotReceiver>(p.channel(), p.generator(), GetParam());
      });
  EXPECT_EQ(setup, cot_setup_cost(GetParam()));
  EXPECT_EQ(sender->session(), receiver->session());
  EXPECT_GT(std::popcount(sender->delta().lo) + std::popcount(sender->delta().hi), 30);

  for (const std::size_t count : kCounts) {
    const std::vector<std::uint64_t> choices = random_words(bit_words(count), count);
    std::vector<Block> q(count);
    std::vector<Block> t(count);
    parties.let_receiver_speak();
    const OtCost cost = parties.run([&](TestParty&) { sender->extend(q); },
                                    [&](TestParty&) { receiver->extend(choices, t); });
    EXPECT_EQ(cost, cot_cost(GetParam(), count)) << count;
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_EQ(q[i] ^ t[i], sender->delta() & mask_of(bit_at(choices, i) != 0))
          << count << " " << i;
  }
}

TEST_P(Extensions, SetUpBytesAreAsDerived) {
  const auto k = static_cast<unsigned>(GetParam());
  EXPECT_EQ(cot_setup_cost(GetParam()).sender_bytes, 8192U);
  EXPECT_EQ(cot_setup_cost(GetParam()).receiver_bytes, 32 + 32 * (k - 1) * 128 / k);
  EXPECT_EQ(cot_cost(GetParam(), 1 << 20).receiver_bytes, (16U << 20) / k);  // 16/k a transfer
  EXPECT_EQ(cot_cost(GetParam(), 1 << 20).sender_bytes, 0U);
}

TEST_P(Extensions, CorrelationsAreFreshAndLookUniform) {
  TwoParties parties;
  constexpr std::size_t kCount = 20000;
  const std::vector<std::uint64_t> choices(bit_words(kCount));
  std::vector<Block> q(kCount);
  std::vector<Block> t(kCount);
  std::vector<Block> next_t(kCount);
  parties.run(
      [&](TestParty& p) {
        CotSender sender(p.channel(), p.generator(), GetParam());
        sender.extend(q);
        sender.extend(q);
      },
      [&](TestParty& p) {
        CotReceiver receiver(p.channel(), p.generator(), GetParam());
        receiver.extend(choices, t);
        receiver.extend(choices, next_t);
      });
  test::expect_uniform(std::as_bytes(std::span(t)));
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(q[i], next_t[i]);
    ASSERT_FALSE(t[i] == next_t[i]);
  }
}

TEST_P(Extensions, RandomOt) {
  OtParties parties(GetParam());
  EXPECT_EQ(parties.setup_cost, cot_setup_cost(GetParam()));
  for (const std::size_t count : kCounts) {
    const std::vector<std::uint64_t> choices = random_words(bit_words(count), count);
    std::vector<Block> zero(count);
    std::vector<Block> one(count);
    std::vector<Block> chosen(count);
    const OtCost cost = parties.run_ot([&](OtSender& s) { s.random(zero, one); },
                                       [&](OtReceiver& r) { r.random(choices, chosen); });
    EXPECT_EQ(cost, random_ot_cost(GetParam(), count));
    for (std::size_t i = 0; i < count; ++i) {
      const bool choice = bit_at(choices, i) != 0;
      ASSERT_EQ(chosen[i], choice ? one[i] : zero[i]) << count << " " << i;
      ASSERT_FALSE(chosen[i] == (choice ? zero[i] : one[i]));
    }
    if (count == 20000) {
      test::expect_uniform(std::as_bytes(std::span(zero)));
      test::expect_uniform(std::as_bytes(std::span(one)));
      std::vector<Block> difference(count);  // would be constant without the hash
      for (std::size_t i = 0; i < count; ++i) difference[i] = zero[i] ^ one[i];
      test::expect_uniform(std::as_bytes(std::span(difference)));
    }
  }
}

TEST_P(Extensions, RandomBitOtGivesAndTriples) {
  OtParties parties(GetParam());
  for (const std::size_t count : kCounts) {
    const std::size_t words = bit_words(count);
    const std::vector<std::uint64_t> choices = random_words(words, count);
    std::vector<std::uint64_t> zero(words);
    std::vector<std::uint64_t> one(words);
    std::vector<std::uint64_t> chosen(words);
    const OtCost cost =
        parties.run_ot([&](OtSender& s) { s.random_bits(count, zero, one); },
                       [&](OtReceiver& r) { r.random_bits(choices, count, chosen); });
    EXPECT_EQ(cost, random_ot_cost(GetParam(), count));
    std::int64_t ones = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t y = bit_at(zero, i) ^ bit_at(one, i);
      ASSERT_EQ(bit_at(zero, i) ^ bit_at(chosen, i), y & bit_at(choices, i)) << count << " " << i;
      ones += static_cast<std::int64_t>(y);
    }
    if (count == 20000) {
      EXPECT_NEAR(static_cast<double>(ones), 10000, 7 * 71);
    }
  }
}

TEST_P(Extensions, ChosenOtOfBlocks) {
  OtParties parties(GetParam());
  for (const std::size_t count : kCounts) {
    std::vector<Block> zero(count);
    std::vector<Block> one(count);
    Generator generator = Generator::deterministic_for_tests(count);
    generator.fill(std::span(zero));
    generator.fill(std::span(one));
    const std::vector<std::uint64_t> choices = random_words(bit_words(count), count + 1);
    std::vector<Block> chosen(count);
    const OtCost cost =
        parties.run_ot([&](OtSender& s) { chosen_ot_send(s, zero, one); },
                       [&](OtReceiver& r) { chosen_ot_receive(r, choices, chosen); });
    EXPECT_EQ(cost, chosen_ot_cost(GetParam(), count, 128));
    EXPECT_EQ(cost.sender_bytes, 32 * count);
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_EQ(chosen[i], bit_at(choices, i) != 0 ? one[i] : zero[i]) << count << " " << i;
  }
}

TEST_P(Extensions, ChosenOtOfValues) {
  OtParties parties(GetParam());
  for (const unsigned width : {1, 2, 7, 31, 63, 64})
    for (const std::size_t count : {1, 65, 1000, 8193}) {
      const std::vector<std::uint64_t> zero = random_words(count, 1);
      const std::vector<std::uint64_t> one = random_words(count, 2);
      const std::vector<std::uint64_t> choices = random_words(bit_words(count), 3);
      std::vector<std::uint64_t> chosen(count);
      const OtCost cost =
          parties.run_ot([&](OtSender& s) { chosen_ot_send(s, width, zero, one); },
                         [&](OtReceiver& r) { chosen_ot_receive(r, width, choices, chosen); });
      EXPECT_EQ(cost, chosen_ot_cost(GetParam(), count, width));
      for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(chosen[i], (bit_at(choices, i) != 0 ? one[i] : zero[i]) & low_bits(width))
            << width << " " << count << " " << i;
    }
}

TEST_P(Extensions, RingOt) {
  OtParties parties(GetParam());
  for (const unsigned width : {1, 2, 7, 32, 63, 64})
    for (const std::size_t count : {1, 65, 1000, 8193}) {
      std::vector<std::uint64_t> x = random_words(count, 4);
      x[0] = 0;
      x[count - 1] = ~std::uint64_t{0};
      const std::vector<std::uint64_t> choices = random_words(bit_words(count), 5);
      std::vector<std::uint64_t> r(count);
      std::vector<std::uint64_t> result(count);
      const OtCost cost =
          parties.run_ot([&](OtSender& s) { ring_ot_send(s, width, x, r); },
                         [&](OtReceiver& o) { ring_ot_receive(o, width, choices, result); });
      EXPECT_EQ(cost, ring_ot_cost(GetParam(), count, width));
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(result[i], (r[i] + bit_at(choices, i) * x[i]) & low_bits(width))
            << width << " " << count << " " << i;
        ASSERT_EQ(r[i] & ~low_bits(width), 0U);
      }
    }
}

TEST_P(Extensions, BitOt) {
  OtParties parties(GetParam());
  for (const std::size_t count : kCounts) {
    const std::size_t words = bit_words(count);
    const std::vector<std::uint64_t> x = random_words(words, 6);
    const std::vector<std::uint64_t> choices = random_words(words, 7);
    std::vector<std::uint64_t> r(words);
    std::vector<std::uint64_t> result(words);
    const OtCost cost =
        parties.run_ot([&](OtSender& s) { bit_ot_send(s, count, x, r); },
                       [&](OtReceiver& o) { bit_ot_receive(o, count, choices, result); });
    EXPECT_EQ(cost, ring_ot_cost(GetParam(), count, 1));
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_EQ(bit_at(result, i), bit_at(r, i) ^ (bit_at(choices, i) & bit_at(x, i)))
          << count << " " << i;
  }
}

// More than one batch: the receiver must take the replies of the first before it goes on.
TEST(OtExtension, SeveralBatches) {
  constexpr std::size_t kCount = kOtBatch + kOtChunk + 77;
  OtParties parties(OtExtension::kSoftSpoken4);
  const std::vector<std::uint64_t> x = random_words(kCount, 8);
  const std::vector<std::uint64_t> choices = random_words(bit_words(kCount), 9);
  std::vector<std::uint64_t> r(kCount);
  std::vector<std::uint64_t> result(kCount);
  const OtCost cost =
      parties.run_ot([&](OtSender& s) { ring_ot_send(s, 64, x, r); },
                     [&](OtReceiver& o) { ring_ot_receive(o, 64, choices, result); });
  EXPECT_EQ(cost, ring_ot_cost(OtExtension::kSoftSpoken4, kCount, 64));
  EXPECT_EQ(cost.rounds, 4U);
  for (std::size_t i = 0; i < kCount; ++i)
    ASSERT_EQ(result[i], r[i] + bit_at(choices, i) * x[i]) << i;
}

// With constant inputs on both sides, whatever crosses the wire must still look uniform.
TEST_P(Extensions, WireLooksUniformWhateverTheInputs) {
  for (const std::uint64_t input : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    OtParties parties(GetParam());
    parties.sender().recording().forget();
    parties.receiver().recording().forget();
    constexpr std::size_t kCount = 32768;
    const std::vector<std::uint64_t> x(kCount, input);
    const std::vector<std::uint64_t> choices(bit_words(kCount), input);
    std::vector<std::uint64_t> out(kCount);
    std::vector<std::uint64_t> result(kCount);
    parties.run_ot([&](OtSender& s) { ring_ot_send(s, 64, x, out); },
                   [&](OtReceiver& r) { ring_ot_receive(r, 64, choices, result); });
    test::expect_uniform(parties.receiver().recording().sent());
    test::expect_uniform(parties.sender().recording().sent());
    test::expect_uniform(std::as_bytes(std::span(result)));
  }
}

TEST(OtExtension, ZeroTransfersCostNothing) {
  OtParties parties(OtExtension::kSoftSpoken4);
  std::vector<std::uint64_t> none;
  const OtCost cost = parties.run_ot([&](OtSender& s) { ring_ot_send(s, 8, none, none); },
                                     [&](OtReceiver& r) { ring_ot_receive(r, 8, none, none); });
  EXPECT_EQ(cost, OtCost{});
  EXPECT_EQ(cost, ring_ot_cost(OtExtension::kSoftSpoken4, 0, 8));
}

TEST(OtExtension, PeerThatDiesIsATypedError) {
  auto ends = make_memory_transports();
  FramedChannel channel(std::move(ends.first));
  ends.second.reset();
  Generator generator = Generator::deterministic_for_tests(1);
  EXPECT_THROW(CotSender(channel, generator, OtExtension::kSoftSpoken4), PeerClosed);
}

// A peer that sets up with another k sends a message of the wrong size or step, and never wrong
// results.
TEST(OtExtension, ParametersThatDifferAreAProtocolViolation) {
  TwoParties parties;
  EXPECT_THROW(parties.run(
                   [](TestParty& p) {
                     CotSender sender(p.channel(), p.generator(), OtExtension::kSoftSpoken4);
                   },
                   [](TestParty& p) {
                     CotReceiver receiver(p.channel(), p.generator(), OtExtension::kSoftSpoken8);
                   }),
               ProtocolViolation);
}

TEST(OtExtension, RefusesArgumentsThatDoNotFit) {
  OtParties parties(OtExtension::kSoftSpoken2);
  std::vector<std::uint64_t> words(10);
  std::vector<std::uint64_t> fewer(9);
  std::vector<Block> blocks(1000);
  EXPECT_THROW(parties.ot_sender->next_chunk(kOtChunk + 1), ArgumentError);
  EXPECT_THROW(parties.ot_receiver->next_chunk(words, 641), ArgumentError);
  EXPECT_THROW(ring_ot_send(*parties.ot_sender, 0, words, words), ArgumentError);
  EXPECT_THROW(ring_ot_send(*parties.ot_sender, 65, words, words), ArgumentError);
  EXPECT_THROW(ring_ot_send(*parties.ot_sender, 64, words, fewer), ArgumentError);
  EXPECT_THROW(parties.ot_receiver->random(words, blocks), ArgumentError);
  EXPECT_THROW(chosen_ot_send(*parties.ot_sender, 64, words, fewer), ArgumentError);
  TwoParties others;
  EXPECT_THROW(CotSender(others.sender().channel(), others.sender().generator(), OtExtension{3}),
               ArgumentError);
}

}  // namespace
}  // namespace hush::mpc
