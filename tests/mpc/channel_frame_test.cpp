// The frame format against a hand-made frame, and what a channel says to bytes that no honest peer
// sends: every bit flip, replay, reordering, wrong sizes, garbage, half a frame.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "mpc/channel/frame.h"
#include "mpc/channel/little_endian.h"
#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

constexpr Tag kTag{0x0301};

Bytes header_bytes(const FrameHeader& header) {
  Bytes bytes(kFrameHeaderSize);
  encode_frame_header(header, std::span<std::byte, kFrameHeaderSize>(bytes));
  return bytes;
}

Bytes frame(const FrameHeader& header, const std::string& payload) {
  Bytes bytes = header_bytes(header);
  const auto tail = std::as_bytes(std::span(payload));
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

Bytes joined(const Bytes& first, const Bytes& second) {
  Bytes all = first;
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

void write_all(Transport& to, const Bytes& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    done += to.try_write(std::span(bytes).subspan(done), {});
    to.wait({.read = false, .write = true}, soon());
  }
}

// What a channel says on receiving a message of `size` bytes when the wire holds `wire`, then ends.
template <class Error = ProtocolViolation>
std::string complaint(const Bytes& wire, std::size_t size, std::size_t messages = 1) {
  auto [end, raw] = make_memory_transports();
  FramedChannel channel(std::move(end));
  write_all(*raw, wire);
  raw.reset();
  try {
    Bytes message(size);
    for (std::size_t i = 0; i < messages; ++i) channel.receive(message, kTag);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Frame, HasTheDocumentedBytes) {
  const Bytes bytes = header_bytes({0x00012345, Tag{0x0302}, true, 0x1122334455667788, 9});
  const std::vector<unsigned> expected{0x45, 0x23, 0x01, 0x00, 0x02, 0x03, 0x01, 0x00,
                                       0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
                                       0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(std::to_integer<unsigned>(bytes[i]), expected[i]) << "byte " << i;
  // FNV-1a of the 24 bytes above, computed by a separate program.
  EXPECT_EQ(load_little_endian<std::uint64_t>(&bytes[24]), 0x2e68d8b159fc268f);
}

TEST(Frame, DecodesWhatItEncodes) {
  const FrameHeader header{77, kTag, false, 5, 3};
  const Bytes bytes = header_bytes(header);
  EXPECT_EQ(decode_frame_header(std::span<const std::byte, kFrameHeaderSize>(bytes), {header, 3}),
            header);
}

TEST(Frame, AnHonestFrameIsAccepted) {
  EXPECT_EQ(complaint(frame({5, kTag, true, 0, 1}, "hello"), 5), "no error");
}

TEST(Frame, EveryBitFlipInAHeaderIsNoticed) {
  const Bytes honest = frame({5, kTag, true, 0, 1}, "hello");
  for (std::size_t bit = 0; bit < 8 * kFrameHeaderSize; ++bit) {
    Bytes damaged = honest;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_THAT(complaint(damaged, 5), HasSubstr("header is damaged")) << "bit " << bit;
  }
}

TEST(Frame, ReplayedFrameIsNoticed) {
  const Bytes first = frame({5, kTag, true, 0, 1}, "hello");
  EXPECT_THAT(complaint(joined(first, first), 5, 2), HasSubstr("replayed, reordered or lost"));
}

TEST(Frame, ReorderedFrameIsNoticed) {
  const Bytes first = frame({5, kTag, true, 0, 1}, "hello");
  const Bytes second = frame({5, kTag, true, 1, 1}, "world");
  EXPECT_EQ(complaint(joined(first, second), 5, 2), "no error");
  EXPECT_THAT(complaint(joined(second, first), 5, 2),
              HasSubstr("frame 1 came where frame 0 was due"));
}

TEST(Frame, OversizeLengthIsRefusedBeforeAnythingIsRead) {
  EXPECT_THAT(complaint(frame({0xffffffff, kTag, true, 0, 1}, "x"), 5), HasSubstr("at most"));
  EXPECT_THAT(complaint(frame({kMaxFramePayload + 1, kTag, true, 0, 1}, "x"), 5),
              HasSubstr("at most"));
}

TEST(Frame, WrongSizeIsRefused) {
  EXPECT_THAT(complaint(frame({6, kTag, true, 0, 1}, "hello!"), 5), HasSubstr("6 bytes came"));
  EXPECT_THAT(complaint(frame({4, kTag, true, 0, 1}, "hell"), 5), HasSubstr("4 bytes came"));
  EXPECT_THAT(complaint(frame({5, kTag, false, 0, 1}, "hello"), 5), HasSubstr("were due"));
  EXPECT_THAT(complaint(frame({0, kTag, true, 0, 1}, ""), 5), HasSubstr("0 bytes came"));
}

TEST(Frame, WrongTagIsRefused) {
  EXPECT_THAT(complaint(frame({5, Tag{0x0302}, true, 0, 1}, "hello"), 5),
              HasSubstr("another step: tag 0x0302 came, 0x0301 was due"));
}

TEST(Frame, RoundStampsStayInTheRangeOfAnHonestPeer) {
  EXPECT_THAT(complaint(frame({5, kTag, true, 0, 2}, "hello"), 5), HasSubstr("round stamp 2"));
  const Bytes first = frame({5, kTag, true, 0, 1}, "hello");
  EXPECT_THAT(complaint(joined(first, frame({5, kTag, true, 1, 0}, "world")), 5, 2),
              HasSubstr("round stamp 0 lies outside 1 to 1"));
}

TEST(Frame, UnknownFlagsAreRefused) {
  Bytes bytes = frame({5, kTag, true, 0, 1}, "hello");
  bytes[6] = std::byte{3};
  std::uint64_t check = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < 24; ++i)
    check = (check ^ std::to_integer<std::uint64_t>(bytes[i])) * 0x100000001b3;
  store_little_endian<std::uint64_t>(&bytes[24], check);
  EXPECT_THAT(complaint(bytes, 5), HasSubstr("unknown flags 0x0003"));
}

TEST(Frame, EveryTruncationIsAPeerThatClosed) {
  const Bytes honest = frame({5, kTag, true, 0, 1}, "hello");
  for (std::size_t size = 0; size < honest.size(); ++size)
    EXPECT_THAT(complaint<PeerClosed>(Bytes(honest.begin(), honest.begin() + size), 5),
                HasSubstr("receive from"))
        << size << " bytes";
}

TEST(Frame, SecondFrameOfAMessageIsCheckedToo) {
  const std::string full(kMaxFramePayload, 'a');
  const auto wire = [&](const FrameHeader& second) {
    return joined(frame({kMaxFramePayload, kTag, false, 0, 1}, full), frame(second, "b"));
  };
  // More than the ring of the memory transport holds, hence a writer of its own.
  const auto complain = [&](const FrameHeader& second) -> std::string {
    TransportPair ends = make_memory_transports();
    Transport& raw = *ends.second;
    FramedChannel channel(std::move(ends.first));
    const auto writing =
        std::async(std::launch::async, [&raw, bytes = wire(second)] { write_all(raw, bytes); });
    Bytes message(kMaxFramePayload + 1);
    try {
      channel.receive(message, kTag);
    } catch (const ProtocolViolation& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(complain({1, kTag, true, 1, 1}), "no error");
  EXPECT_THAT(complain({1, kTag, true, 2, 1}), HasSubstr("frame 2 came where frame 1 was due"));
  EXPECT_THAT(complain({1, kTag, false, 1, 1}), HasSubstr("were due"));
  EXPECT_THAT(complain({2, kTag, true, 1, 1}), HasSubstr("2 bytes came"));
  EXPECT_THAT(complain({1, kTag, true, 1, 2}), HasSubstr("round stamp 2 lies outside 1 to 1"));
}

TEST(Frame, GarbageIsNoticedAtOnce) {
  std::mt19937_64 generator(5);
  for (int trial = 0; trial < 1000; ++trial) {
    Bytes garbage(kFrameHeaderSize + generator() % 100);
    for (auto& b : garbage) b = static_cast<std::byte>(generator());
    EXPECT_THAT(complaint(garbage, generator() % 100), HasSubstr("header is damaged"));
  }
}

// What reaches a party that was started with TLS at one end only, or on a web server's port.
TEST(Frame, OtherProtocolsAreNoticed) {
  const std::string http = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
  const auto bytes = std::as_bytes(std::span(http));
  EXPECT_THAT(complaint(Bytes(bytes.begin(), bytes.end()), 8),
              HasSubstr("does not speak this protocol"));
}

}  // namespace
}  // namespace hush::mpc
