#include "mpc/channel/framed_channel.h"

#include <fmt/format.h>
#include <hwy/cache_control.h>

#include <algorithm>
#include <utility>

namespace hush::mpc {
namespace {

// About a microsecond: looking costs a system call.
constexpr int kPausesBetweenLooks = 32;

}  // namespace

FramedChannel::FramedChannel(std::unique_ptr<Transport> transport, ChannelOptions options)
    : transport_(std::move(transport)), options_(options) {}

void FramedChannel::send(std::span<const std::byte> message, Tag tag) {
  guarded("send to", tag, [&] {
    enqueue(message, tag);
    if (writer_.borrows() || writer_.full()) pump();
  });
}

void FramedChannel::receive(std::span<std::byte> message, Tag tag) {
  guarded("receive from", tag, [&] {
    expect(message, tag);
    pump();
    finish_receive(message.size());
  });
}

void FramedChannel::exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                             Tag tag) {
  guarded("exchange with", tag, [&] {
    enqueue(outgoing, tag);
    expect(incoming, tag);
    pump();
    finish_receive(incoming.size());
  });
}

void FramedChannel::flush() {
  guarded("flush to", Tag{}, [&] { pump(); });
}

// Runs `action`; names the place in its error, type kept, and refuses to go on after one.
template <class Action>
void FramedChannel::guarded(const char* what, Tag tag, Action action) {
  if (!failure_.empty())
    throw ChannelError(fmt::format("channel is closed after an earlier error: {}", failure_));
  const auto explain = [&](const ChannelError& error) {
    failure_ = fmt::format("{} {}, tag {:#06x}: {}", what, transport_->peer(),
                           static_cast<unsigned>(tag), error.what());
    return failure_;
  };
  try {
    action();
  } catch (const PeerClosed& error) {
    throw PeerClosed(explain(error));
  } catch (const Timeout& error) {
    throw Timeout(explain(error));
  } catch (const ProtocolViolation& error) {
    throw ProtocolViolation(explain(error));
  } catch (const AuthenticationError& error) {
    throw AuthenticationError(explain(error));
  } catch (const ChannelError& error) {
    throw ChannelError(explain(error));
  } catch (...) {
    failure_ = "not a channel error";
    throw;
  }
}

void FramedChannel::enqueue(std::span<const std::byte> message, Tag tag) {
  last_stamp_ = traffic_.rounds + 1;
  writer_.enqueue(message, tag, last_stamp_);
  traffic_.bytes_sent += message.size();
  ++traffic_.messages_sent;
}

void FramedChannel::expect(std::span<std::byte> message, Tag tag) {
  reader_.expect(message, tag, last_stamp_ + 1);
}

void FramedChannel::finish_receive(std::size_t size) {
  traffic_.rounds = std::max(traffic_.rounds, reader_.round());
  traffic_.bytes_received += size;
  ++traffic_.messages_received;
}

// Until all that was sent has left and the expected message, if any, is complete.
void FramedChannel::pump() {
  Clock::time_point idle_since{};
  Clock::time_point deadline = Clock::now() + options_.timeout;
  std::uint64_t frames = writer_.frames_written() + reader_.frames_read();
  while (!writer_.idle() || !reader_.idle()) {
    if (step()) {
      idle_since = {};
      // Bytes alone do not count: a peer that sends one now and then would hold us for ever.
      const std::uint64_t moved = writer_.frames_written() + reader_.frames_read();
      if (moved == frames && Clock::now() < deadline) continue;
      if (moved == frames)
        throw Timeout(
            fmt::format("no whole frame within {} ms; is the peer or the network "
                        "overloaded?",
                        options_.timeout.count()));
      frames = moved;
      deadline = Clock::now() + options_.timeout;
    } else {
      if (idle_since == Clock::time_point{}) idle_since = Clock::now();
      pause(idle_since, deadline);
    }
  }
}

// One attempt in each direction that has something to do. True if anything moved.
bool FramedChannel::step() {
  const bool wrote = !writer_.idle() && writer_.write_some(*transport_);
  if (!reader_.idle()) return reader_.read_some(*transport_) || wrote;
  return wrote || (!writer_.idle() && reader_.read_ahead(*transport_));
}

void FramedChannel::pause(Clock::time_point idle_since, Clock::time_point deadline) {
  const Clock::time_point now = Clock::now();
  if (now >= deadline)
    throw Timeout(fmt::format("nothing for {} ms; is the peer alive?", options_.timeout.count()));
  if (now - idle_since < options_.spin) {
    for (int i = 0; i < kPausesBetweenLooks; ++i) hwy::Pause();
    return;
  }
  const bool read = !reader_.idle() || reader_.may_read_ahead();
  transport_->wait({read, !writer_.idle()}, deadline);
}

}  // namespace hush::mpc
