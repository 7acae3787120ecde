// The Channel that all kinds of connection share: frames, counters, time limits and simultaneous
// transfer over any Transport. One loop, `pump`, does all the moving, in the calling thread.
//
// Latency: an online phase is mostly waiting for small messages, and waking a sleeping thread
// costs more than loopback itself. So pump first polls for `spin`, and only then sleeps in
// Transport::wait. It does not yield the core in between: on a busy machine whoever takes it keeps
// it for milliseconds, while a sleeper that is woken gets it back at once.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "mpc/channel/channel.h"
#include "mpc/channel/frame_reader.h"
#include "mpc/channel/frame_writer.h"
#include "mpc/channel/transport.h"

namespace hush::mpc {

struct ChannelOptions {
  std::chrono::milliseconds timeout{30000};  // see Channel::set_timeout
  std::chrono::microseconds spin{50};        // busy waiting before sleeping; 0 never spins
};

class FramedChannel final : public Channel {
 public:
  explicit FramedChannel(std::unique_ptr<Transport> transport, ChannelOptions options = {});

  void send(std::span<const std::byte> message, Tag tag) override;
  void receive(std::span<std::byte> message, Tag tag) override;
  void exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                Tag tag) override;
  void flush() override;
  void set_timeout(std::chrono::milliseconds timeout) override { options_.timeout = timeout; }
  Traffic traffic() const override { return traffic_; }

 private:
  template <class Action>
  void guarded(const char* what, Tag tag, Action action);
  void enqueue(std::span<const std::byte> message, Tag tag);
  void expect(std::span<std::byte> message, Tag tag);
  void finish_receive(std::size_t size);
  void pump();
  bool step();
  void pause(Clock::time_point idle_since, Clock::time_point deadline);

  std::unique_ptr<Transport> transport_;
  ChannelOptions options_;
  FrameWriter writer_;
  FrameReader reader_;
  Traffic traffic_;
  std::uint64_t last_stamp_ = 0;  // highest round stamp sent
  std::string failure_;           // of the first error; the channel is dead when not empty
};

}  // namespace hush::mpc
