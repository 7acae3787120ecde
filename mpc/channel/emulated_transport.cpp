#include "mpc/channel/emulated_transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "mpc/channel/little_endian.h"

namespace hush::mpc {
namespace {

// The kernel wakes a sleeper some 50 to 100 us late, as long as a whole emulated LAN delay, so
// the last stretch is waited for awake.
constexpr std::chrono::microseconds kAwake{150};
constexpr std::size_t kReadSize = 64 << 10;

Clock::duration to_duration(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

EmulatedTransport::EmulatedTransport(std::unique_ptr<Transport> below, const NetworkModel& network)
    : below_(std::move(below)), network_(network), held_(kReadSize) {}

// The arrival time of a record of this many bytes that is sent now.
Clock::time_point EmulatedTransport::book(std::size_t bytes) {
  line_free_ = std::max(line_free_, Clock::now()) +
               to_duration(static_cast<double>(bytes) / network_.bytes_per_second);
  return line_free_ + to_duration(network_.one_way_seconds);
}

std::size_t EmulatedTransport::try_write(std::span<const std::byte> first,
                                         std::span<const std::byte> second) {
  if (!try_flush()) return 0;
  const std::size_t from_first = std::min(first.size(), kMaxRecord);
  const std::size_t from_second = std::min(second.size(), kMaxRecord - from_first);
  const std::size_t count = from_first + from_second;
  if (count == 0) return 0;
  outgoing_.resize(kRecordHeader + count);
  const auto arrival = std::chrono::nanoseconds(book(count).time_since_epoch()).count();
  store_little_endian<std::uint64_t>(outgoing_.data(), static_cast<std::uint64_t>(arrival));
  store_little_endian<std::uint32_t>(&outgoing_[8], static_cast<std::uint32_t>(count));
  std::copy_n(first.data(), from_first, &outgoing_[kRecordHeader]);
  std::copy_n(second.data(), from_second, outgoing_.data() + kRecordHeader + from_first);
  try_flush();
  return count;
}

bool EmulatedTransport::try_flush() {
  while (passed_ < outgoing_.size()) {
    const std::size_t count = below_->try_write(std::span(outgoing_).subspan(passed_), {});
    if (count == 0) return false;
    passed_ += count;
  }
  outgoing_.clear();
  passed_ = 0;
  return below_->try_flush();
}

// Reads all that has come, due or not, so that the bytes in flight do not fill the buffers below
// and hold the sender up.
void EmulatedTransport::drain() {
  while (!below_closed_ && held_end_ - held_begin_ < kMaxHeld) {
    if (held_begin_ == held_end_) held_begin_ = held_end_ = 0;
    if (held_.size() - held_end_ < kReadSize && held_begin_ >= held_.size() / 2) {
      std::memmove(held_.data(), &held_[held_begin_], held_end_ - held_begin_);
      held_end_ -= held_begin_;
      held_begin_ = 0;
    }
    if (held_.size() - held_end_ < kReadSize) held_.resize(2 * held_.size());
    std::size_t count = 0;
    try {
      count = below_->try_read(std::span(held_).subspan(held_end_, kReadSize));
    } catch (const PeerClosed&) {
      below_closed_ = true;
    }
    if (count == 0) return;
    held_end_ += count;
  }
}

// Makes the next record the open one. False if none has come in full.
bool EmulatedTransport::open_record() {
  while (record_left_ == 0) {
    const std::size_t here = held_end_ - held_begin_;
    if (here < kRecordHeader) return false;
    const auto length = load_little_endian<std::uint32_t>(&held_[held_begin_ + 8]);
    if (length == 0 || length > kMaxRecord)
      throw ProtocolViolation(fmt::format(
          "emulated network: record of {} bytes; do both ends use the same --net?", length));
    if (here < kRecordHeader + length) return false;
    const auto arrival = load_little_endian<std::uint64_t>(&held_[held_begin_]);
    arrival_ = Clock::time_point(std::chrono::nanoseconds(static_cast<std::int64_t>(arrival)));
    held_begin_ += kRecordHeader;
    record_left_ = length;
  }
  return true;
}

// At most one record a call, so that what comes before a bad record is not lost with it.
std::size_t EmulatedTransport::try_read(std::span<std::byte> out) {
  if (!open_record()) drain();
  if (!open_record()) {
    if (below_closed_ && !out.empty()) throw PeerClosed("the peer has closed the connection");
    return 0;
  }
  if (Clock::now() < arrival_) return 0;
  const std::size_t count = std::min(record_left_, out.size());
  std::copy_n(&held_[held_begin_], count, out.data());
  held_begin_ += count;
  record_left_ -= count;
  return count;
}

void EmulatedTransport::wait(Interest interest, Clock::time_point deadline) {
  if (!interest.read) return below_->wait(interest, deadline);
  drain();
  if (open_record()) {
    if (arrival_ < Clock::now() + kAwake) return;
    deadline = std::min(deadline, arrival_ - kAwake);
  }
  // A closed or full line is always, or never usefully, readable: then only time passes.
  const bool may_drain = !below_closed_ && held_end_ - held_begin_ < kMaxHeld;
  below_->wait({may_drain, interest.write}, deadline);
}

}  // namespace hush::mpc
