// Peers that die: a child process is killed with SIGKILL after every byte count that matters, and
// the survivor must get PeerClosed, never hang, never see a partial message as complete. And peers
// that live but dribble.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "mpc/channel/frame.h"
#include "tests/support/two_party.h"

namespace hush::mpc {
namespace {

constexpr Tag kTag{0x0301};

// Passes bytes on until `budget` of them have been written, then kills its process.
class DyingTransport final : public Transport {
 public:
  DyingTransport(std::unique_ptr<Transport> below, std::size_t budget)
      : below_(std::move(below)), budget_(budget) {}

  std::size_t try_write(std::span<const std::byte> first,
                        std::span<const std::byte> second) override {
    if (budget_ == 0) die();
    const auto head = first.first(std::min(first.size(), budget_));
    const auto tail = second.first(std::min(second.size(), budget_ - head.size()));
    const std::size_t count = below_->try_write(head, tail);
    budget_ -= count;
    if (budget_ == 0) die();
    return count;
  }
  bool try_flush() override { return below_->try_flush(); }
  std::size_t try_read(std::span<std::byte> out) override { return below_->try_read(out); }
  void wait(Interest interest, Clock::time_point deadline) override {
    below_->wait(interest, deadline);
  }
  std::string peer() const override { return below_->peer(); }

 private:
  // What was written before has left.
  void die() {
    while (!below_->try_flush()) below_->wait({.read = false, .write = true}, soon());
    kill(getpid(), SIGKILL);
  }

  std::unique_ptr<Transport> below_;
  std::size_t budget_;
};

// A conversation: 'x' exchange, '>' from party 0 to party 1, '<' from party 1 to party 0.
struct Step {
  char kind;
  std::size_t size;
};
const std::vector<Step> kScript{{'x', 40},  {'>', 1049576}, {'<', 40},     {'x', 1049576},
                                {'<', 0},   {'<', 20000},   {'>', 40},     {'x', 8},
                                {'<', 300}, {'x', 2500000}, {'<', 1049576}};

// Plays the script. Counts in `received` the messages that came, complete and correct.
void converse(int party, Channel& channel, int& received) {
  for (const Step& step : kScript) {
    const std::vector<std::byte> out(step.size, std::byte{static_cast<unsigned char>(step.size)});
    std::vector<std::byte> in(step.size);
    if (step.kind == 'x')
      channel.exchange(out, in, kTag);
    else if ((step.kind == '>') == (party == 0))
      channel.send(out, kTag);
    else
      channel.receive(in, kTag);
    if (step.kind == 'x' || (step.kind == '<') == (party == 0)) {
      ASSERT_TRUE(in == out);
      ++received;
    }
  }
  channel.flush();
}

// Where on the wire each message of party 1 ends.
std::vector<std::size_t> message_ends() {
  std::vector<std::size_t> ends;
  std::size_t position = 0;
  for (const Step& step : kScript) {
    if (step.kind == '>') continue;
    const std::size_t frames =
        std::max<std::size_t>(1, (step.size + kMaxFramePayload - 1) / kMaxFramePayload);
    position += frames * kFrameHeaderSize + step.size;
    ends.push_back(position);
  }
  return ends;
}

const std::array<TlsCredentials, 2>& credentials() {
  static const CertificateAuthority authority;
  static const std::array<TlsCredentials, 2> both{authority.issue("party0"),
                                                  authority.issue("party1")};
  return both;
}

std::unique_ptr<Transport> open_end(Link link, int party, Socket socket) {
  if (link == Link::tcp) return std::make_unique<TcpTransport>(std::move(socket));
  return std::make_unique<TlsTransport>(
      std::move(socket), party == 0 ? TlsSide::accepting : TlsSide::connecting,
      credentials()[static_cast<std::size_t>(party)], party == 0 ? "party1" : "party0", soon());
}

// Forks party 1, which dies after writing `budget` bytes. What party 0 had received by then.
int survive(Link link, std::size_t budget) {
  auto [mine, theirs] = make_socket_pair();
  credentials();  // made before the fork, so that both have the same
  const pid_t child = fork();
  if (child == 0) {
    try {
      int received = 0;
      { const Socket closed = std::move(mine); }
      FramedChannel channel(
          std::make_unique<DyingTransport>(open_end(link, 1, std::move(theirs)), budget));
      converse(1, channel, received);
    } catch (const ChannelError&) {
    }
    _exit(0);  // alive after all: the parent finds out
  }
  { const Socket closed = std::move(theirs); }
  int received = 0;
  {
    FramedChannel channel(open_end(link, 0, std::move(mine)), {std::chrono::seconds(20)});
    EXPECT_THROW(converse(0, channel, received), PeerClosed) << budget << " bytes";
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
  return received;
}

void kill_everywhere(Link link) {
  const std::vector<std::size_t> ends = message_ends();
  std::size_t begin = 0;
  int complete = 0;
  for (const std::size_t end : ends) {
    // Before the message, inside and after its header, inside its payload, a byte before its end.
    for (const std::size_t budget : {begin, begin + 1, begin + kFrameHeaderSize - 1,
                                     begin + kFrameHeaderSize, (begin + end) / 2, end - 1}) {
      if (budget >= end) continue;
      const auto start = Clock::now();
      EXPECT_LE(survive(link, budget), complete) << budget << " bytes";
      EXPECT_LT(Clock::now() - start, std::chrono::seconds(15)) << budget << " bytes";
    }
    begin = end;
    ++complete;
  }
}

TEST(KilledPeer, IsNoticedAtEveryMessageOverTcp) {
  kill_everywhere(Link::tcp);
}
TEST(KilledPeer, IsNoticedAtEveryMessageOverTls) {
  kill_everywhere(Link::tls);
}

TEST(KilledPeer, TheScriptRunsToItsEndWhenNobodyDies) {
  simulate_two_parties([](int party, Channel& channel) {
    int received = 0;
    converse(party, channel, received);
    EXPECT_EQ(received, party == 0 ? 9 : 6);
  });
}

// One byte now and then is activity, but not progress.
TEST(DribblingPeer, IsATimeout) {
  TransportPair ends = make_transports(Link::tcp);
  Transport& raw = *ends.second;
  FramedChannel channel(std::move(ends.first), {std::chrono::milliseconds(100)});
  std::array<std::byte, kFrameHeaderSize> header{};
  encode_frame_header({1000, kTag, true, 0, 1}, header);
  std::atomic<bool> stop{false};
  auto dribbling = std::async(std::launch::async, [&] {
    raw.try_write(header, {});
    for (int i = 0; i < 1000 && !stop; ++i) {
      raw.try_write(std::span(header).first(1), {});
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  std::vector<std::byte> message(1000);
  const auto start = Clock::now();
  EXPECT_THROW(channel.receive(message, kTag), Timeout);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
  stop = true;
}

// A slow peer that makes progress is not a dead one: three frames, each within the limit,
// that take longer than it in all.
TEST(SlowPeer, IsWaitedForWhileWholeFramesCome) {
  auto channels = make_channels(Link::tcp, {std::chrono::milliseconds(1200)});
  auto sending = std::async(std::launch::async, [&] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      channels[1]->send(std::array<std::byte, 1>{}, kTag);
      channels[1]->flush();
    }
  });
  for (int i = 0; i < 3; ++i) {
    std::array<std::byte, 1> data{};
    EXPECT_NO_THROW(channels[0]->receive(data, kTag));
  }
}

}  // namespace
}  // namespace hush::mpc
