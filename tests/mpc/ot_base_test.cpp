// Base OT and punctured PRF: the two set-up protocols.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "mpc/ot/aes.h"
#include "mpc/ot/base_ot.h"
#include "mpc/ot/punctured_prf.h"
#include "ot_two_party.h"

namespace hush::mpc {
namespace {

using test::TestParty;
using test::TwoParties;

TEST(BaseOt, ReceiverGetsExactlyTheChosenKey) {
  for (const std::size_t count : {1, 5, 128}) {
    const std::vector<std::uint64_t> choices = test::random_words(bit_words(count), 7);
    std::vector<std::array<Block, 2>> pairs(count);
    std::vector<Block> keys(count);
    Block sender_session;
    Block receiver_session;
    TwoParties parties(count);
    const OtCost cost = parties.run(
        [&](TestParty& party) {
          sender_session = base_ot_send(party.channel(), party.generator(), pairs);
          party.channel().flush();
        },
        [&](TestParty& party) {
          receiver_session = base_ot_receive(party.channel(), party.generator(), choices, keys);
        });
    EXPECT_EQ(cost, base_ot_cost(count));
    EXPECT_EQ(sender_session, receiver_session);
    std::set<std::pair<std::uint64_t, std::uint64_t>> distinct;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t choice = bit_at(choices, i);
      EXPECT_EQ(keys[i], pairs[i][choice]) << i;
      EXPECT_FALSE(keys[i] == pairs[i][1 - choice]) << i;
      for (const Block& key : pairs[i]) distinct.insert({key.lo, key.hi});
    }
    EXPECT_EQ(distinct.size(), 2 * count);
  }
}

TEST(BaseOt, SessionsDiffer) {
  std::vector<Block> sessions;
  for (const std::uint64_t seed : {1, 2}) {
    TwoParties parties(seed);
    std::vector<std::array<Block, 2>> pairs(1);
    std::vector<Block> keys(1);
    const std::uint64_t choice = 1;
    parties.run(
        [&](TestParty& party) {
          sessions.push_back(base_ot_send(party.channel(), party.generator(), pairs));
          party.channel().flush();
        },
        [&](TestParty& party) {
          base_ot_receive(party.channel(), party.generator(), std::span(&choice, 1), keys);
        });
  }
  EXPECT_FALSE(sessions[0] == sessions[1]);
}

TEST(BaseOt, InvalidPointIsAProtocolViolation) {
  std::array<std::byte, 64> garbage;  // all ones is not a canonical encoding
  garbage.fill(std::byte{0xff});
  std::vector<std::array<Block, 2>> pairs(1);
  std::vector<Block> keys(1);
  const std::uint64_t choice = 0;
  TwoParties against_sender;
  EXPECT_THROW(
      against_sender.run(
          [&](TestParty& party) { base_ot_send(party.channel(), party.generator(), pairs); },
          [&](TestParty& party) {
            party.channel().send(garbage, Tag{0x0101});
            party.channel().flush();
          }),
      ProtocolViolation);
  TwoParties against_receiver;
  EXPECT_THROW(against_receiver.run(
                   [&](TestParty& party) {
                     party.channel().send(std::span(garbage).first(32), Tag{0x0102});
                     party.channel().flush();
                   },
                   [&](TestParty& party) {
                     base_ot_receive(party.channel(), party.generator(), std::span(&choice, 1),
                                     keys);
                   }),
               ProtocolViolation);
}

// The identity element is a valid encoding, but would make the key public.
TEST(BaseOt, IdentityIsAProtocolViolation) {
  const std::array<std::byte, 32> identity{};
  std::vector<Block> keys(1);
  const std::uint64_t choice = 0;
  TwoParties parties;
  EXPECT_THROW(parties.run(
                   [&](TestParty& party) {
                     party.channel().send(identity, Tag{0x0102});
                     party.channel().flush();
                   },
                   [&](TestParty& party) {
                     base_ot_receive(party.channel(), party.generator(), std::span(&choice, 1),
                                     keys);
                   }),
               ProtocolViolation);
}

void check_tree(unsigned depth, unsigned path) {
  std::vector<std::array<Block, 2>> keys(depth);
  Generator generator = Generator::deterministic_for_tests(depth);
  for (auto& pair : keys) generator.fill(std::span(pair));
  const std::size_t count = std::size_t{1} << depth;
  std::vector<Block> leaves(count);
  std::vector<Block> corrections(tree_corrections(depth));
  build_tree(keys, leaves, corrections);

  // The leaves by the definition, one path at a time. Level 0 has its seeds from the keys.
  AesKey key;
  for (std::size_t x = 0; x < count; ++x) {
    Block node = keys[0][x >> (depth - 1)];
    for (unsigned level = 1; level < depth; ++level) {
      aes_kernels().expand(node, key);
      aes_kernels().counter(key, x >> (depth - 1 - level) & 1, &node, 1);
    }
    ASSERT_EQ(leaves[x], node) << depth << " " << x;
  }

  std::vector<Block> chosen(depth);
  for (unsigned level = 0; level < depth; ++level)
    chosen[level] = keys[level][1 - (path >> (depth - 1 - level) & 1)];
  std::vector<Block> opened(count, Block{1, 1});
  open_tree(chosen, path, corrections, opened);
  for (std::size_t x = 0; x < count; ++x)
    ASSERT_EQ(opened[x], x == path ? Block{} : leaves[x]) << depth << " " << path << " " << x;
}

TEST(PuncturedPrf, OpensAllLeavesButOne) {
  for (unsigned depth = 1; depth <= 5; ++depth)
    for (unsigned path = 0; path < 1U << depth; ++path) check_tree(depth, path);
  for (const unsigned path : {0, 1, 127, 128, 170, 255}) check_tree(8, path);
}

TEST(PuncturedPrf, RefusesSizesThatDoNotFit) {
  std::vector<std::array<Block, 2>> keys(3);
  std::vector<Block> leaves(8);
  std::vector<Block> corrections(tree_corrections(3) - 1);
  EXPECT_THROW(build_tree(keys, leaves, corrections), ArgumentError);
  keys.resize(9);
  EXPECT_THROW(build_tree(keys, leaves, corrections), ArgumentError);
}

}  // namespace
}  // namespace hush::mpc
