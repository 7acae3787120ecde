// What every kind of channel must do: carry messages of all sizes, never deadlock, count exactly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <vector>

#include "mpc/channel/digest_channel.h"
#include "mpc/channel/frame.h"
#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

constexpr Tag kTag{0x0301};
constexpr Tag kOther{0x0302};

std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<std::uint64_t> words(size / 8 + 1);
  for (auto& word : words) word = generator();
  const auto bytes = std::as_bytes(std::span(words)).first(size);
  return {bytes.begin(), bytes.end()};
}

class EveryChannel : public testing::TestWithParam<Link> {};
INSTANTIATE_TEST_SUITE_P(Links, EveryChannel, testing::ValuesIn(kAllLinks),
                         [](const auto& link) { return link_name(link.param); });

TEST_P(EveryChannel, CarriesMessagesOfAllSizes) {
  const std::vector<std::size_t> sizes{0,       1,       7,       31,      32,     33,
                                       4096,    16383,   16384,   16385,   65536,  100001,
                                       1048575, 1048576, 1048577, 3 << 20, 5000003};
  run_two_parties(GetParam(), [&](int party, Channel& channel) {
    for (const std::size_t size : sizes) {
      const auto mine = random_bytes(size, 2 * size + static_cast<std::size_t>(party));
      const auto theirs = random_bytes(size, 2 * size + static_cast<std::size_t>(1 - party));
      std::vector<std::byte> received(size);
      channel.exchange(mine, received, kTag);
      EXPECT_EQ(received, theirs) << size << " bytes exchanged";
      if (party == 0) {
        channel.send(mine, kOther);
        channel.flush();
      } else {
        channel.receive(received, kOther);
        EXPECT_EQ(received, theirs) << size << " bytes one way";
      }
    }
  });
}

TEST_P(EveryChannel, KeepsTheOrderOfManySmallMessages) {
  constexpr std::uint64_t kCount = 20000;
  run_two_parties(GetParam(), [](int party, Channel& channel) {
    if (party == 0) {
      for (std::uint64_t i = 0; i < kCount; ++i) channel.send_array(std::array{i, i * i}, kTag);
      channel.flush();
    } else {
      for (std::uint64_t i = 0; i < kCount; ++i) {
        std::array<std::uint64_t, 2> pair{};
        channel.receive_array(pair, kTag);
        ASSERT_EQ(pair, (std::array{i, i * i}));
      }
    }
  });
}

// Both send far more than all buffers below hold before either receives.
TEST_P(EveryChannel, DoesNotDeadlockWhenBothSendFirst) {
  const std::size_t size = 20 << 20;
  run_two_parties(GetParam(), [&](int party, Channel& channel) {
    const auto mine = random_bytes(size, static_cast<std::uint64_t>(party));
    const auto theirs = random_bytes(size, static_cast<std::uint64_t>(1 - party));
    std::vector<std::byte> received(size);
    channel.send(mine, kTag);
    channel.receive(received, kTag);
    EXPECT_TRUE(received == theirs);
    channel.exchange(mine, received, kOther);
    EXPECT_TRUE(received == theirs);
  });
}

TEST_P(EveryChannel, ExchangesDifferentSizes) {
  run_two_parties(GetParam(), [](int party, Channel& channel) {
    const std::size_t mine = party == 0 ? 3000000 : 5;
    std::vector<std::byte> received(party == 0 ? 5 : 3000000);
    channel.exchange(random_bytes(mine, mine), received, kTag);
    EXPECT_TRUE(received == random_bytes(received.size(), received.size()));
  });
}

TEST_P(EveryChannel, ReceiveAndExchangeFlushWhatWasSent) {
  run_two_parties(GetParam(), [](int party, Channel& channel) {
    std::array<std::uint32_t, 1> value{};
    if (party == 0) {
      channel.send_array(std::array{1U}, kTag);
      channel.send_array(std::array{2U}, kTag);
      channel.receive_array(value, kTag);
      EXPECT_EQ(value[0], 3U);
      channel.send_array(std::array{4U}, kOther);
      channel.exchange_arrays(std::array{5U}, value, kTag);
    } else {
      channel.receive_array(value, kTag);
      channel.receive_array(value, kTag);
      channel.send_array(std::array{value[0] + 1}, kTag);
      channel.receive_array(value, kOther);
      EXPECT_EQ(value[0], 4U);
      channel.exchange_arrays(std::array{6U}, value, kTag);
    }
  });
}

TEST_P(EveryChannel, CountsPayloadAndMessages) {
  const auto counts = run_two_parties(GetParam(), [](int party, Channel& channel) {
    std::vector<std::byte> big(2500000), small(10);
    channel.exchange(small, small, kTag);
    const Traffic before = channel.traffic();
    channel.exchange(big, big, kTag);
    if (party == 0) channel.send(small, kTag);
    if (party == 0) channel.flush();
    if (party == 1) channel.receive(small, kTag);
    return channel.traffic() - before;
  });
  EXPECT_EQ(counts[0], (Traffic{2500010, 2500000, 2, 1, 1}));
  EXPECT_EQ(counts[1], (Traffic{2500000, 2500010, 1, 2, 2}));
}

// The examples of traffic.h, and chains that mix them.
TEST(Rounds, AreTheLongestChainOfMessages) {
  const auto rounds = [](const std::string& program) {
    // One letter a step: x exchange, > party 0 sends to party 1, < the other way.
    const auto counts = run_two_parties(Link::memory, [&](int party, Channel& channel) {
      std::array<std::byte, 3> data{};
      for (const char step : program) {
        if (step == 'x')
          channel.exchange(data, data, kTag);
        else if ((step == '>') == (party == 0))
          channel.send(data, kTag);
        else
          channel.receive(data, kTag);
      }
      channel.flush();
      return channel.traffic().rounds;
    });
    return std::vector<std::uint64_t>(counts.begin(), counts.end());
  };
  using testing::ElementsAre;
  EXPECT_THAT(rounds(""), ElementsAre(0, 0));
  EXPECT_THAT(rounds("x"), ElementsAre(1, 1));
  EXPECT_THAT(rounds(">"), ElementsAre(0, 1));
  EXPECT_THAT(rounds(">>>>"), ElementsAre(0, 1));
  EXPECT_THAT(rounds("><"), ElementsAre(2, 1));
  EXPECT_THAT(rounds("xxx"), ElementsAre(3, 3));
  EXPECT_THAT(rounds("<x"), ElementsAre(1, 2));
  EXPECT_THAT(rounds("<x<x"), ElementsAre(3, 4));
  EXPECT_THAT(rounds("><><"), ElementsAre(4, 3));
}

TEST(Rounds, SendAndReceiveInEitherOrderIsOneRound) {
  const auto counts = run_two_parties(Link::memory, [](int party, Channel& channel) {
    std::array<std::byte, 3> data{};
    if (party == 0) channel.exchange(data, data, kTag);
    if (party == 1) channel.send(data, kTag);
    if (party == 1) channel.receive(data, kTag);
    return channel.traffic().rounds;
  });
  EXPECT_EQ(counts[0], 1U);
  EXPECT_EQ(counts[1], 1U);
}

TEST_P(EveryChannel, RefusesToGoOnAfterAnError) {
  auto channels = make_channels(GetParam());
  channels[1].reset();
  std::array<std::byte, 4> data{};
  EXPECT_THROW(channels[0]->receive(data, kTag), PeerClosed);
  try {
    channels[0]->receive(data, kTag);
    FAIL() << "a second receive went on";
  } catch (const ChannelError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("after an earlier error"));
  }
}

TEST_P(EveryChannel, LastWordsArriveAfterThePeerHasClosed) {
  auto channels = make_channels(GetParam());
  const auto message = random_bytes(100000, 1);
  channels[0]->send(message, kTag);
  channels[0]->flush();
  channels[0].reset();
  std::vector<std::byte> received(message.size());
  channels[1]->receive(received, kTag);
  EXPECT_TRUE(received == message);
  EXPECT_THROW(channels[1]->receive(received, kTag), PeerClosed);
}

TEST_P(EveryChannel, SilentPeerIsATimeout) {
  for (const std::chrono::microseconds spin :
       {std::chrono::microseconds(0), ChannelOptions{}.spin}) {
    auto channels = make_channels(GetParam(), {std::chrono::milliseconds(50), spin});
    std::array<std::byte, 4> data{};
    const auto start = Clock::now();
    EXPECT_THROW(channels[0]->receive(data, kTag), Timeout);
    EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(50));
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
  }
}

TEST_P(EveryChannel, PeerThatNeverReadsIsATimeout) {
  auto channels = make_channels(GetParam(), {std::chrono::milliseconds(50)});
  const std::vector<std::byte> large(32 << 20);
  EXPECT_THROW(channels[0]->send(large, kTag), Timeout);
}

TEST(DigestChannelTest, DependsOnEveryByteTagAndBoundary) {
  using Message = std::pair<std::string, Tag>;
  const auto digest = [](const std::vector<Message>& messages) {
    auto channels = make_channels(Link::memory);
    DigestChannel channel(*channels[0]);
    for (const auto& [text, tag] : messages) channel.send_array(text, tag);
    return hex(channel.digest());
  };
  // Independently: printf '\x01\x03\x02\0\0\0\0\0\0\0ab' | sha256sum
  EXPECT_EQ(digest({{"ab", kTag}}),
            "cd69091ee8e3deddc1af17746ef3f76841a616d799e3c1d1fdbdbe9a48807671");
  EXPECT_EQ(digest({}), hex(sha256("")));
  EXPECT_NE(digest({{"ab", kTag}}), digest({{"ab", kOther}}));
  EXPECT_NE(digest({{"ab", kTag}}), digest({{"a", kTag}, {"b", kTag}}));
  EXPECT_NE(digest({{"a", kTag}, {"b", kTag}}), digest({{"b", kTag}, {"a", kTag}}));
}

TEST(DigestChannelTest, IsTheSameOverEveryLink) {
  std::vector<std::string> digests;
  for (const Link link : kAllLinks)
    digests.push_back(run_two_parties(link, [](int, Channel& below) {
      DigestChannel channel(below);
      std::vector<std::byte> received(2000000);
      channel.exchange(random_bytes(received.size(), 9), received, kTag);
      return hex(channel.digest());
    })[0]);
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
}

}  // namespace
}  // namespace hush::mpc
