// Whole protocols whose peer is killed, or falls silent, at every single message: the survivor gets
// a typed error in time, whatever was going on. Party 1 (or the dealer) is a process of its own.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "mpc/offline/correlations.h"
#include "mpc/offline/ot_provider.h"
#include "mpc/online/maximum.h"
#include "mpc/online/relu.h"
#include "mpc/online/truncation.h"
#include "tests/mpc/two_party.h"
#include "tests/support/two_party.h"

namespace hush::mpc::test {
namespace {

enum class End { killed, silent };

// Before message number `last` leaves, the process dies or does nothing any more.
class EndingChannel final : public Channel {
 public:
  EndingChannel(Channel& below, int last, End end) : below_(below), left_(last), end_(end) {}

  void send(std::span<const std::byte> message, Tag tag) override {
    count();
    below_.send(message, tag);
  }
  void receive(std::span<std::byte> message, Tag tag) override { below_.receive(message, tag); }
  void exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                Tag tag) override {
    count();
    below_.exchange(outgoing, incoming, tag);
  }
  void flush() override { below_.flush(); }
  void set_timeout(std::chrono::milliseconds timeout) override { below_.set_timeout(timeout); }
  Traffic traffic() const override { return below_.traffic(); }

 private:
  void count() {
    if (left_-- > 0) return;
    below_.flush();  // all before it has left
    if (end_ == End::killed) kill(getpid(), SIGKILL);
    while (true) pause();
  }
  Channel& below_;
  int left_;
  End end_;
};

// Runs `peer` in a child process over TCP until it ends before message `last`, and `self` here.
// Returns false if the child came to its end, because it has no such message.
template <class Self, class Peer>
bool outlive(int last, End end, Self self, Peer peer) {
  constexpr std::chrono::milliseconds kPatience{150};
  auto [mine, theirs] = make_socket_pair();
  const pid_t child = fork();
  if (child == 0) {
    { const Socket closed = std::move(mine); }
    int status = 0;
    try {
      FramedChannel framed(std::make_unique<TcpTransport>(std::move(theirs)));
      EndingChannel channel(framed, last, end);
      peer(channel);
    } catch (...) {
      status = 1;
    }
    _exit(status);
  }
  { const Socket closed = std::move(theirs); }
  bool finished = false;
  const auto start = Clock::now();
  {
    FramedChannel channel(std::make_unique<TcpTransport>(std::move(mine)),
                          {end == End::killed ? std::chrono::milliseconds(20'000) : kPatience});
    try {
      self(channel);
      finished = true;
    } catch (const PeerClosed&) {
      EXPECT_EQ(end, End::killed) << "message " << last;
    } catch (const Timeout&) {
      EXPECT_EQ(end, End::silent) << "message " << last;
    }
  }
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(15)) << "message " << last;
  if (end == End::silent && !finished) kill(child, SIGKILL);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  const bool ended_by_itself = WIFEXITED(status);
  EXPECT_TRUE(!ended_by_itself || WEXITSTATUS(status) == 0) << "message " << last;
  EXPECT_EQ(finished, ended_by_itself) << "message " << last;
  return !ended_by_itself;
}

// Every message of `peer`, one after the other; at least `least` of them.
template <class Self, class Peer>
void outlive_everywhere(End end, int least, Self self, Peer peer) {
  int messages = 0;
  while (outlive(messages, end, self, peer)) ++messages;
  EXPECT_GE(messages, least);
}

constexpr std::size_t kCount = 100;

// What a layer and a classifier do.
constexpr ReluOptions kRelu{ReluMethod::carry, 64, 16};
constexpr ReluOptions kArgmax{ReluMethod::carry, 32, 0};

void infer(int id, Channel& channel, CorrelationSource& source) {
  Party party(id, channel, source, Generator::from_system());
  const SharedWords x(test_numbers(kCount, 30));
  std::vector<Ring> y(kCount), z(kCount), squares(kCount), label(kCount / 10);
  converse(party, relu(party, kRelu, x.part(party), y),
           truncate_square(party, 16, x.part(party), z, squares));
  converse(party, argmax(party, kArgmax, 10, y, label));
}

void deal_inference(Sources& sources) {
  Demand demand;
  demand_relu(demand, kRelu, kCount);
  demand_truncate_square(demand, 16, kCount);
  demand_argmax(demand, kArgmax, kCount / 10, 10);
  Dealer dealer(Generator::from_system());
  deal_to(demand, dealer, sources);
}

class FailingPeer : public testing::TestWithParam<End> {};

TEST_P(FailingPeer, EndsAtEveryMessageOfAnInference) {
  int messages = 0;
  const auto attempt = [&] {
    Sources sources;
    deal_inference(sources);
    return outlive(
        messages, GetParam(), [&](Channel& channel) { infer(0, channel, sources[0]); },
        [&](Channel& channel) { infer(1, channel, sources[1]); });
  };
  while (attempt()) ++messages;
  EXPECT_EQ(messages,
            int((predict_relu(kRelu, kCount) + predict_argmax(kArgmax, kCount / 10, 10)).rounds));
}

TEST_P(FailingPeer, EndsAtEveryMessageOfTheOtProvider) {
  Demand demand;
  demand.add(AndTriples::request(1));
  demand.add(SquarePairs::request(1));
  const auto provide = [&](int id, Channel& channel) {
    MemorySource source;
    OtProvider provider(id, channel, Generator::from_system());
    provider.provide(demand, source);
  };
  outlive_everywhere(
      GetParam(), 5, [&](Channel& channel) { provide(0, channel); },
      [&](Channel& channel) { provide(1, channel); });
}

INSTANTIATE_TEST_SUITE_P(All, FailingPeer, testing::Values(End::killed, End::silent),
                         [](const auto& instance) {
                           return instance.param == End::killed ? "killed" : "silent";
                         });

// The dealer's other party: it demands the same, and takes whatever it gets.
class ContentParty final : public Channel {
 public:
  explicit ContentParty(const Demand& demand) : digest_(sha256(demand.text())) {}

  void send(std::span<const std::byte> /*message*/, Tag /*tag*/) override {}
  void receive(std::span<std::byte> message, Tag /*tag*/) override {
    ASSERT_EQ(message.size(), digest_.size());
    std::copy(digest_.begin(), digest_.end(), message.begin());
  }
  void exchange(std::span<const std::byte> /*outgoing*/, std::span<std::byte> incoming,
                Tag tag) override {
    receive(incoming, tag);
  }
  void flush() override {}
  void set_timeout(std::chrono::milliseconds /*timeout*/) override {}
  Traffic traffic() const override { return {}; }

 private:
  Digest digest_;
};

TEST(FailingDealer, EndsAtEveryMessage) {
  Demand demand;
  demand_relu(demand, {ReluMethod::dcf, 64, 16}, kCount);
  demand_truncate_square(demand, 16, 20'000);  // several portions
  for (const End end : {End::killed, End::silent})
    outlive_everywhere(
        end, 10,
        [&](Channel& channel) {
          MemorySource source;
          receive_correlations(1, demand, channel, source);
        },
        [&](Channel& channel) {
          ContentParty party0(demand);
          Dealer dealer(Generator::from_system());
          dealer.deal(demand, party0, channel);
        });
}

}  // namespace
}  // namespace hush::mpc::test
