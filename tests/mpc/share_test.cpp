// Fixed point, sharing, opening, and conversations that share messages.
#include "mpc/online/share.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mpc/online/fixed_point.h"
#include "mpc/online/square.h"
#include "tests/mpc/two_party.h"
#include "tests/mpc/uniformity.h"

namespace hush::mpc::test {
namespace {

TEST(FixedPoint, RoundsToNearest) {
  const FixedPoint fixed(4);
  EXPECT_EQ(fixed.encode(1.0), 16u);
  EXPECT_EQ(fixed.encode(-1.0), Ring{0} - 16);
  EXPECT_EQ(fixed.encode(0.04), 1u);
  EXPECT_EQ(fixed.encode(0.03), 0u);
  EXPECT_EQ(fixed.encode(-0.04), ~Ring{0});
  EXPECT_EQ(fixed.encode(1.5 / 16), 2u);  // ties to even
  EXPECT_EQ(fixed.encode(2.5 / 16), 2u);
  EXPECT_EQ(FixedPoint().fraction_bits(), 16);
}

TEST(FixedPoint, DecodesWhatItEncoded) {
  for (const int bits : {0, 8, 16, 30}) {
    const FixedPoint fixed(bits);
    for (const double x : {0.0, 1.0, -1.0, 3.14159, -1234.5678, 65535.0, -65535.0})
      EXPECT_NEAR(fixed.decode(fixed.encode(x)), x, fixed.ulp() / 2) << bits << " bits";
  }
}

TEST(FixedPoint, RefusesOverflow) {
  const FixedPoint fixed(16);
  const double limit = std::ldexp(1.0, FixedPoint::kMagnitudeBits - 16);
  EXPECT_NO_THROW(fixed.encode(limit - 1));
  EXPECT_NO_THROW(fixed.encode(1 - limit));
  for (const double x : {limit, -limit, 1e300, std::numeric_limits<double>::infinity(),
                         std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW(fixed.encode(x), NumericError) << x;
  EXPECT_THROW(FixedPoint(41), ArgumentError);
  EXPECT_THROW(FixedPoint(-1), ArgumentError);
}

TEST(FixedPoint, EncodesTensors) {
  const FixedPoint fixed(16);
  const Tensor x = Tensor::from({2, 2}, std::vector<float>{0.5f, -0.25f, 100, -3});
  const Tensor y = fixed.decode(fixed.encode(x));
  EXPECT_EQ(y.shape(), x.shape());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(y.values<float>()[i], x.values<float>()[i]);
}

TEST(Share, RevealsWhatWasShared) {
  Generator generator = Generator::from_system();
  const std::vector<Ring> words = test_numbers(10000, 63);
  const Tensor secret = Tensor::from({100, 100}, words);
  const auto parts = share(secret, generator);
  const Tensor revealed = reveal(parts[0], parts[1]);
  EXPECT_EQ(revealed.shape(), secret.shape());
  for (std::size_t i = 0; i < words.size(); ++i) ASSERT_EQ(revealed.values<Ring>()[i], words[i]);
  EXPECT_THROW(reveal(parts[0], Share{Tensor::zeros({10}, DType::ring64)}), ArgumentError);
}

// Each part alone, of the least random secret there is.
TEST(Share, PartsAloneLookUniform) {
  Generator generator = Generator::deterministic_for_tests(1);
  const Tensor secret = Tensor::zeros({100'000}, DType::ring64);
  const auto parts = share(secret, generator);
  for (const Share& part : parts) expect_uniform_bytes(part.words());
}

TEST(Share, OpensToBoth) {
  for (const std::size_t n : {0u, 1u, 100u, 70000u}) {
    const SharedWords x(test_numbers(n, 63));
    ResultWords y(n);
    const auto results = run_dealt(
        {}, [&](Party& party) { converse(party, open(party, x.part(party), y.part(party))); });
    EXPECT_EQ(y.parts[0], x.secret);
    EXPECT_EQ(y.parts[1], x.secret);
    EXPECT_EQ(cost_of(results), predict_open(n));
  }
}

TEST(Share, OpensToOne) {
  const SharedWords x(test_numbers(500, 63));
  for (const int to : {0, 1}) {
    ResultWords y(500);
    const auto results = run_dealt({}, [&](Party& party) {
      converse(party, open_to(party, to, x.part(party), y.part(party)));
    });
    EXPECT_EQ(y.parts[std::size_t(to)], x.secret);
    EXPECT_EQ(y.parts[std::size_t(1 - to)], std::vector<Ring>(500));
    EXPECT_EQ(cost_of(results), predict_open_to(to, 500));
  }
}

TEST(Share, OwnerShares) {
  const std::vector<Ring> words = test_numbers(300, 63);
  for (const int owner : {0, 1}) {
    std::array<Share, 2> parts;
    const auto results = run_dealt({}, [&](Party& party) {
      const Tensor secret =
          party.id() == owner ? Tensor::from({300}, words) : Tensor::zeros({300}, DType::ring64);
      Share& part = parts[std::size_t(party.id())];
      part.part = Tensor::empty({300}, DType::ring64);
      converse(party, share_from(party, owner, secret, part));
    });
    const Tensor revealed = reveal(parts[0], parts[1]);
    for (std::size_t i = 0; i < words.size(); ++i) ASSERT_EQ(revealed.values<Ring>()[i], words[i]);
    EXPECT_EQ(cost_of(results), predict_share_from(owner, 300));
  }
}

// Several protocols together cost the bytes of all and the rounds of the longest, one message each.
TEST(Conversation, ProtocolsShareMessages) {
  constexpr std::size_t kCount = 1000;
  const SharedWords x(test_numbers(kCount, 20));
  const SharedWords z(test_numbers(kCount, 63, 2), 2);
  ResultWords squares(kCount);
  ResultWords opened(kCount);
  Demand demand;
  demand_square(demand, kCount);
  const auto results = run_dealt(demand, [&](Party& party) {
    converse(party, square(party, x.part(party), squares.part(party)),
             open(party, z.part(party), opened.part(party)));
  });
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_EQ(squares.sum()[i], x.secret[i] * x.secret[i]);
  EXPECT_EQ(opened.parts[0], z.secret);
  EXPECT_EQ(cost_of(results), together(predict_square(kCount), predict_open(kCount)));
  EXPECT_EQ(results[0].traffic.messages_sent, 1u);
}

Conversation two_opens(Party& party, std::span<const Ring> x, std::span<Ring> y) {
  co_await open(party, x, y);
  co_await open(party, y, y);
}

TEST(Conversation, LengthsMayDiffer) {
  const SharedWords x(test_numbers(10, 63));
  ResultWords once(10);
  ResultWords twice(10);
  const auto results = run_dealt({}, [&](Party& party) {
    converse(party, two_opens(party, x.part(party), twice.part(party)),
             open(party, x.part(party), once.part(party)));
  });
  EXPECT_EQ(once.parts[0], x.secret);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(twice.parts[0][i], 2 * x.secret[i]);
  EXPECT_EQ(cost_of(results), together(predict_open(10) + predict_open(10), predict_open(10)));
}

Conversation fails_after_a_round(Party& party, std::span<const Ring> x, std::span<Ring> y) {
  co_await open(party, x, y);
  throw NumericError("out of range");
}
Conversation calls_what_fails(Party& party, std::span<const Ring> x, std::span<Ring> y) {
  co_await fails_after_a_round(party, x, y);
}

TEST(Conversation, ErrorsReachTheCaller) {
  const SharedWords x(test_numbers(10, 63));
  ResultWords y(10);
  run_dealt({}, [&](Party& party) {
    EXPECT_THROW(converse(party, calls_what_fails(party, x.part(party), y.part(party))),
                 NumericError);
    EXPECT_THROW(converse(party, square(party, x.part(party), y.part(party))),
                 CorrelationsExhausted);
  });
}

// A party that runs another protocol is noticed, not believed.
TEST(Conversation, OtherSizesAreAnError) {
  const SharedWords x(test_numbers(10, 63));
  ResultWords y(10);
  EXPECT_THROW(run_dealt({},
                         [&](Party& party) {
                           const std::size_t n = party.first() ? 10 : 9;
                           converse(party,
                                    open(party, x.part(party).first(n), y.part(party).first(n)));
                         }),
               ChannelError);
}

}  // namespace
}  // namespace hush::mpc::test
