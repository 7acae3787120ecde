// Runs the two halves of an OT protocol in two threads over memory, and keeps all that a test may
// ask about the wire: counters, digests and the bytes themselves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <ostream>
#include <span>
#include <utility>
#include <vector>

#include "mpc/channel/digest_channel.h"
#include "mpc/channel/framed_channel.h"
#include "mpc/channel/memory_transport.h"
#include "mpc/ot/generator.h"
#include "mpc/ot/ot_cost.h"
#include "mpc/ot/random_ot.h"
#include "tests/mpc/recording_channel.h"
#include "tests/mpc/uniformity.h"

namespace hush::mpc::test {

// One party of a test: its channel, recorded and digested, and its deterministic generator.
class TestParty {
 public:
  TestParty(std::unique_ptr<Transport> transport, std::uint64_t label)
      : framed_(std::move(transport)),
        recording_(framed_),
        channel_(recording_),
        generator_(Generator::deterministic_for_tests(label)) {}

  Channel& channel() { return channel_; }
  Generator& generator() { return generator_; }
  RecordingChannel& recording() { return recording_; }
  Digest digest() const { return channel_.digest(); }

 private:
  FramedChannel framed_;
  RecordingChannel recording_;
  DigestChannel channel_;
  Generator generator_;
};

// A sender and a receiver that are connected; `run` may be called several times.
class TwoParties {
 public:
  explicit TwoParties(std::uint64_t seed = 1) : TwoParties(make_memory_transports(), seed) {}

  TestParty& sender() { return sender_; }
  TestParty& receiver() { return receiver_; }

  // The sender says one byte, so that the receiver's clock is ahead and what it sends next opens a
  // round of its own, instead of joining a round in which it was speaking anyway.
  void let_receiver_speak() {
    constexpr Tag kYourTurn{0x01ff};
    std::byte byte{};
    sender_.channel().send(std::span(&byte, 1), kYourTurn);
    sender_.channel().flush();
    receiver_.channel().receive(std::span(&byte, 1), kYourTurn);
  }

  // Runs both halves and returns what they cost; rounds are the advance of the later clock. An
  // error of either half is thrown here, that of the receiver first.
  OtCost run(const std::function<void(TestParty&)>& send,
             const std::function<void(TestParty&)>& receive) {
    const Traffic sender_before = sender_.channel().traffic();
    const Traffic receiver_before = receiver_.channel().traffic();
    auto sending = std::async(std::launch::async, [&] { send(sender_); });
    try {
      receive(receiver_);
    } catch (...) {
      sending.wait();
      throw;
    }
    sending.get();
    const Traffic sender_after = sender_.channel().traffic();
    const Traffic receiver_after = receiver_.channel().traffic();
    const Traffic sent = sender_after - sender_before;
    const Traffic received = receiver_after - receiver_before;
    EXPECT_EQ(sent.bytes_sent, received.bytes_received);
    EXPECT_EQ(received.bytes_sent, sent.bytes_received);
    return {sent.bytes_sent, received.bytes_sent,
            std::max(sender_after.rounds, receiver_after.rounds) -
                std::max(sender_before.rounds, receiver_before.rounds)};
  }

 private:
  using Transports = std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>>;
  TwoParties(Transports transports, std::uint64_t seed)
      : sender_(std::move(transports.first), 2 * seed),
        receiver_(std::move(transports.second), 2 * seed + 1) {}

  TestParty sender_;
  TestParty receiver_;
};

// Two parties that have set up OT. The sender's and receiver's halves live as long as this.
class OtParties : public TwoParties {
 public:
  explicit OtParties(OtExtension extension, std::uint64_t seed = 1) : TwoParties(seed) {
    setup_cost = run(
        [&](TestParty& party) {
          ot_sender = std::make_unique<OtSender>(party.channel(), party.generator(), extension);
        },
        [&](TestParty& party) {
          ot_receiver = std::make_unique<OtReceiver>(party.channel(), party.generator(), extension);
        });
  }

  OtCost run_ot(const std::function<void(OtSender&)>& send,
                const std::function<void(OtReceiver&)>& receive) {
    let_receiver_speak();
    return run([&](TestParty&) { send(*ot_sender); }, [&](TestParty&) { receive(*ot_receiver); });
  }

  std::unique_ptr<OtSender> ot_sender;
  std::unique_ptr<OtReceiver> ot_receiver;
  OtCost setup_cost;
};

inline std::vector<std::uint64_t> random_words(std::size_t count, std::uint64_t label) {
  std::vector<std::uint64_t> words(count);
  Generator generator = Generator::deterministic_for_tests(label);
  generator.fill(std::span(words));
  return words;
}

// gtest prints OtCost through this.
inline void PrintTo(const OtCost& cost, std::ostream* out) {
  *out << cost.sender_bytes << " bytes from the sender, " << cost.receiver_bytes
       << " from the receiver, " << cost.rounds << " rounds";
}

constexpr OtExtension kAllExtensions[] = {OtExtension::kIknp, OtExtension::kSoftSpoken2,
                                          OtExtension::kSoftSpoken4, OtExtension::kSoftSpoken8};

}  // namespace hush::mpc::test

namespace hush::mpc {
using test::PrintTo;
}
