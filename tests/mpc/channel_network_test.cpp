// The emulated network: nothing arrives early, the rate is kept, messages in a row overlap.
// Lower bounds on time are exact. Upper bounds would fail on a busy machine, so what the line
// promises is read off the time stamps instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "mpc/channel/emulated_transport.h"
#include "mpc/channel/little_endian.h"
#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

using Seconds = std::chrono::duration<double>;
constexpr Tag kTag{0x0301};

ChannelPair emulated(Link link, const NetworkModel& network, ChannelOptions options = {}) {
  auto [first, second] = make_transports(link);
  return make_channels({std::make_unique<EmulatedTransport>(std::move(first), network),
                        std::make_unique<EmulatedTransport>(std::move(second), network)},
                       options);
}

double seconds_since(Clock::time_point start) {
  return Seconds(Clock::now() - start).count();
}

TEST(NetworkModelTest, ParsesNamesAndQuantities) {
  EXPECT_FALSE(parse_network("loopback").has_value());
  EXPECT_DOUBLE_EQ(parse_network("lan")->one_way_seconds, 1e-4);
  EXPECT_DOUBLE_EQ(parse_network("lan")->bytes_per_second, 1e9);
  EXPECT_DOUBLE_EQ(parse_network("wan")->one_way_seconds, 0.04);
  EXPECT_DOUBLE_EQ(parse_network("wan")->bytes_per_second, 12.5e6);
  EXPECT_DOUBLE_EQ(parse_network("20ms,500Mbit")->one_way_seconds, 0.01);
  EXPECT_DOUBLE_EQ(parse_network("20ms,500Mbit")->bytes_per_second, 62.5e6);
  EXPECT_DOUBLE_EQ(parse_network("0s,1Gbit")->one_way_seconds, 0);
  EXPECT_DOUBLE_EQ(parse_network("150us,8kbit")->bytes_per_second, 1e3);
  EXPECT_EQ(parse_network("wan")->text(), "emulated network: 40 ms one way, 100 Mbit/s");
}

TEST(NetworkModelTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "WAN", "20ms", "20,500Mbit", "20ms,500", "20ms,0Mbit", "-1ms,1Gbit", "nan,1Gbit",
        "1e99s,1Gbit", "20ms,infGbit", "20ms,500Mbit,1", "20ms, 500Mbit", "20min,1Gbit", ","})
    EXPECT_THROW(parse_network(text), ArgumentError) << text;
}

TEST(EmulatedNetwork, ARoundCostsTheDelay) {
  for (const Link link : kAllLinks) {
    SCOPED_TRACE(link_name(link));
    const auto times = run_two_parties(emulated(link, {0.02, 1e9}), [](int, Channel& channel) {
      std::array<std::byte, 8> out{}, in{};
      channel.exchange(out, in, kTag);  // the parties start together from here
      const auto start = Clock::now();
      for (int round = 0; round < 5; ++round) channel.exchange(out, in, kTag);
      return seconds_since(start);
    });
    // The clocks of the two start up to one delay apart, so one of them may see 4 delays only.
    EXPECT_GE(std::max(times[0], times[1]), 0.1);
  }
}

TEST(EmulatedNetwork, NothingArrivesEarly) {
  std::atomic<double> sent_at{0};
  const auto origin = Clock::now();
  run_two_parties(emulated(Link::tcp, {0.03, 1e9}), [&](int party, Channel& channel) {
    std::array<std::byte, 8> data{};
    for (int i = 0; i < 5; ++i) {
      if (party == 0) {
        sent_at = seconds_since(origin);
        channel.send(data, kTag);
        channel.receive(data, kTag);
      } else {
        channel.receive(data, kTag);
        EXPECT_GE(seconds_since(origin) - sent_at, 0.03);
        channel.send(data, kTag);
        channel.flush();
      }
    }
  });
}

TEST(EmulatedNetwork, BytesCostTheRate) {
  for (const Link link : kAllLinks) {
    SCOPED_TRACE(link_name(link));
    const std::size_t size = 4 << 20;
    const auto times = run_two_parties(emulated(link, {0.001, 40e6}), [&](int, Channel& channel) {
      std::vector<std::byte> out(size, std::byte{5}), in(size);
      const auto start = Clock::now();
      channel.exchange(out, in, kTag);
      EXPECT_TRUE(in == out);
      return seconds_since(start);
    });
    // Both ways at once: each has a line of its own.
    const double ideal = static_cast<double>(size) / 40e6;
    EXPECT_GE(std::max(times[0], times[1]), ideal);
  }
}

// The promise itself, which no load on the machine can blur: what the sender writes on the records.
TEST(EmulatedNetwork, ArrivalTimesAreThoseOfTheLine) {
  auto [below, raw] = make_memory_transports();
  EmulatedTransport transport(std::move(below), {0.25, 1e6});
  const std::vector<std::byte> bytes(10 * EmulatedTransport::kMaxRecord);
  const auto start = Clock::now();
  for (std::size_t done = 0; done < bytes.size();)
    done += transport.try_write(std::span(bytes).subspan(done), {});
  const auto end = Clock::now();

  std::vector<std::byte> wire(bytes.size() + 10 * EmulatedTransport::kRecordHeader);
  ASSERT_EQ(raw->try_read(wire), wire.size());
  const double record_seconds = EmulatedTransport::kMaxRecord / 1e6;
  for (std::size_t i = 0; i < 10; ++i) {
    const std::byte* record =
        &wire[i * (EmulatedTransport::kMaxRecord + EmulatedTransport::kRecordHeader)];
    EXPECT_EQ(load_little_endian<std::uint32_t>(record + 8), EmulatedTransport::kMaxRecord);
    const Clock::time_point arrival{
        std::chrono::nanoseconds(load_little_endian<std::uint64_t>(record))};
    const double promised = 0.25 + static_cast<double>(i + 1) * record_seconds;
    EXPECT_GE(Seconds(arrival - start).count(), promised - 1e-6) << "record " << i;
    EXPECT_LE(Seconds(arrival - end).count(), promised) << "record " << i;
  }
}

TEST(EmulatedNetwork, MessagesInARowShareOneDelay) {
  const auto origin = Clock::now();
  const auto done =
      run_two_parties(emulated(Link::tcp, {0.5, 1e9}), [&](int party, Channel& channel) {
        std::array<std::byte, 8> data{};
        for (int i = 0; i < 20; ++i) {
          if (party == 0) channel.send(data, kTag);
          if (party == 0) channel.flush();
          if (party == 1) channel.receive(data, kTag);
        }
        return seconds_since(origin);
      });
  EXPECT_LT(done[0], 0.5);  // the sender does not wait for arrivals
  EXPECT_GE(done[1], 0.5);
  EXPECT_LT(done[1], 5.0);  // 20 × 0.5 s if the messages waited for each other
}

TEST(EmulatedNetwork, CountersDoNotChange) {
  const auto counts =
      run_two_parties(emulated(Link::memory, {0.001, 1e9}), [](int, Channel& channel) {
        std::vector<std::byte> out(100000), in(100000);
        channel.exchange(out, in, kTag);
        return channel.traffic();
      });
  EXPECT_EQ(counts[0], (Traffic{100000, 100000, 1, 1, 1}));
}

TEST(EmulatedNetwork, LastWordsArriveLateAndThenTheEnd) {
  auto channels = emulated(Link::tcp, {0.05, 1e9});
  std::vector<std::byte> data(100000);
  channels[0]->send(data, kTag);
  channels[0]->flush();
  const auto start = Clock::now();
  channels[0].reset();
  channels[1]->receive(data, kTag);
  EXPECT_GE(seconds_since(start), 0.04);
  EXPECT_THROW(channels[1]->receive(data, kTag), PeerClosed);
}

TEST(EmulatedNetwork, BadRecordsAreRefused) {
  const auto complaint = [](std::uint64_t arrival, std::uint32_t length) -> std::string {
    auto [end, raw] = make_memory_transports();
    FramedChannel channel(std::make_unique<EmulatedTransport>(std::move(end), NetworkModel{0, 1e9}),
                          {std::chrono::milliseconds(50)});
    std::array<std::byte, 64> record{};
    store_little_endian<std::uint64_t>(record.data(), arrival);
    store_little_endian<std::uint32_t>(&record[8], length);
    raw->try_write(record, {});
    try {
      channel.receive(record, kTag);
    } catch (const ChannelError& error) {
      return error.what();
    }
    return "no error";
  };
  using testing::HasSubstr;
  EXPECT_THAT(complaint(0, 0), HasSubstr("record of 0 bytes"));
  EXPECT_THAT(complaint(0, 16385), HasSubstr("record of 16385 bytes"));
  EXPECT_THAT(complaint(0, 0xffffffff), HasSubstr("record of 4294967295 bytes"));
  EXPECT_THAT(complaint(0x7fffffffffffffff, 52), HasSubstr("nothing for 50 ms"));
  EXPECT_THAT(complaint(0xffffffffffffffff, 52), HasSubstr("header is damaged"));
}

}  // namespace
}  // namespace hush::mpc
