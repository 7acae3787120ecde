// Wire digests: with deterministic generators, every byte that each party says is fixed. A change
// here means that the protocol on the wire changed, and that old and new cannot talk to each other;
// if that is intended, replace the digests by the ones that the failure shows.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mpc/ot/chosen_ot.h"
#include "mpc/ot/gilboa.h"
#include "mpc/ot/ring_ot.h"
#include "ot_two_party.h"

namespace hush::mpc {
namespace {

struct Baseline {
  OtExtension extension;
  const char* sender;
  const char* receiver;
};

constexpr Baseline kBaselines[] = {
    {OtExtension::kIknp, "4264967650a5705d5d9639af47436c66f58c30ec233f9d9264a2cea0615d6f0f",
     "fd139df2ac0e0bf12ab0babaf50d700b240d909c75a79322cc6b49cc3ccc340a"},
    {OtExtension::kSoftSpoken2, "c39115e8d8073d079f9b258605ec656e90c4dd1b617613253031d93682164a54",
     "0a6e12bdfb81521d9dbcb5794281d9717c84be9dd6acc56f35278873931210db"},
    {OtExtension::kSoftSpoken4, "b7e1cff4d8dfa58771f10c2fd9f95f3e5461157ca1bbaf3782b4b433208eb7b5",
     "effb31014a6c50687a3e236f45d2fb22577f6b5f9f241e02cc47e1b836fc6a0f"},
    {OtExtension::kSoftSpoken8, "dde3f7e6798fa4d524def5bb1f70d468303e04a2343b2a36cf0a96cebbad1257",
     "e50c69fb2136a6e7f8c660306bd75af424920d52c372f3f7eb5ebd9b4c0bc7b2"},
};

// One of everything, with odd sizes.
void say_everything(test::OtParties& parties) {
  constexpr std::size_t kCount = 9001;
  const std::vector<std::uint64_t> x = test::random_words(kCount, 1);
  const std::vector<std::uint64_t> y = test::random_words(kCount, 2);
  std::vector<std::uint64_t> sent(kCount);
  std::vector<std::uint64_t> got(kCount);
  parties.run_ot(
      [&](OtSender& s) {
        chosen_ot_send(s, 33, x, y);
        ring_ot_send(s, 17, x, sent);
        bit_ot_send(s, kCount, x, sent);
        gilboa_send(s, 64, 3, x, sent);
        s.random_bits(kCount, sent, got);
      },
      [&](OtReceiver& r) {
        std::vector<std::uint64_t> out(kCount);
        chosen_ot_receive(r, 33, y, out);
        ring_ot_receive(r, 17, y, out);
        bit_ot_receive(r, kCount, y, out);
        gilboa_receive(r, 64, 3, y, out);
        r.random_bits(y, kCount, out);
      });
}

TEST(OtWire, DigestsAreUnchanged) {
  for (const Baseline& baseline : kBaselines) {
    test::OtParties parties(baseline.extension, 77);
    say_everything(parties);
    EXPECT_EQ(hex(parties.sender().digest()), baseline.sender)
        << "k = " << static_cast<unsigned>(baseline.extension);
    EXPECT_EQ(hex(parties.receiver().digest()), baseline.receiver)
        << "k = " << static_cast<unsigned>(baseline.extension);
  }
}

TEST(OtWire, DigestDependsOnTheSeed) {
  test::OtParties first(OtExtension::kIknp, 1);
  test::OtParties again(OtExtension::kIknp, 1);
  test::OtParties other(OtExtension::kIknp, 2);
  EXPECT_EQ(first.receiver().digest(), again.receiver().digest());
  EXPECT_NE(first.receiver().digest(), other.receiver().digest());
}

}  // namespace
}  // namespace hush::mpc
