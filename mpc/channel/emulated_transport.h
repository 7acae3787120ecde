// Lays the delay and rate of a NetworkModel on the real bytes of another transport, because the
// kernels we run on often have no traffic shaper.
//
// The bytes travel as records: arrival time (8 bytes, nanoseconds of CLOCK_MONOTONIC, which all
// processes of one machine share), length (4 bytes), at most 16 KiB of payload. The sender books
// each record on a line of the given rate: it leaves when the line is free, occupies it for
// length / rate, and arrives one delay later. The receiver holds it until then. Nothing waits for
// an answer, so messages sent in a row overlap as on a real line.
//
// Both ends must be on one machine and wrap their transport alike.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mpc/channel/network_model.h"
#include "mpc/channel/transport.h"

namespace hush::mpc {

class EmulatedTransport final : public Transport {
 public:
  static constexpr std::size_t kRecordHeader = 12;
  static constexpr std::size_t kMaxRecord = 16 << 10;
  // What the receiver holds back at most; must exceed rate × delay, else the line is not filled.
  static constexpr std::size_t kMaxHeld = 64 << 20;

  EmulatedTransport(std::unique_ptr<Transport> below, const NetworkModel& network);

  std::size_t try_write(std::span<const std::byte> first,
                        std::span<const std::byte> second) override;
  bool try_flush() override;
  std::size_t try_read(std::span<std::byte> out) override;
  void wait(Interest interest, Clock::time_point deadline) override;
  std::string peer() const override { return below_->peer(); }

 private:
  Clock::time_point book(std::size_t bytes);
  void drain();
  bool open_record();

  std::unique_ptr<Transport> below_;
  NetworkModel network_;
  Clock::time_point line_free_{};

  std::vector<std::byte> outgoing_;  // one record, taken but not yet passed on
  std::size_t passed_ = 0;           // of outgoing_

  std::vector<std::byte> held_;  // records as they came; used up to held_begin_
  std::size_t held_begin_ = 0;
  std::size_t held_end_ = 0;
  std::size_t record_left_ = 0;  // payload of the open record not yet handed out
  Clock::time_point arrival_{};  // of the open record
  bool below_closed_ = false;    // but held records may still have to be handed out
};

}  // namespace hush::mpc
