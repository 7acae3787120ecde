#include "mpc/channel/frame_reader.h"

#include <algorithm>
#include <cstring>

namespace hush::mpc {

void FrameReader::expect(std::span<std::byte> message, Tag tag, std::uint64_t max_round) {
  message_ = message;
  tag_ = tag;
  min_round_ = round_;
  max_round_ = max_round;
  receiving_ = true;
  take_from_buffer();
}

bool FrameReader::read_some(Transport& transport) {
  if (!in_frame_ || frame_missing_ < kDirect) {
    if (!fill_buffer(transport)) return false;
    take_from_buffer();
    return true;
  }
  // take_from_buffer has left nothing in the buffer, or the frame would be further on.
  const std::size_t count = transport.try_read(message_.first(frame_missing_));
  consume_payload(count);
  return count > 0;
}

bool FrameReader::read_ahead(Transport& transport) {
  return may_read_ahead() && fill_buffer(transport);
}

bool FrameReader::fill_buffer(Transport& transport) {
  if (ahead_begin_ == ahead_end_) {
    ahead_begin_ = ahead_end_ = 0;
    if (ahead_.size() != kReadAhead) ahead_ = std::vector<std::byte>(kReadAhead);
  }
  if (ahead_end_ == ahead_.size() && ahead_begin_ > 0) {
    std::memmove(ahead_.data(), &ahead_[ahead_begin_], ahead_end_ - ahead_begin_);
    ahead_end_ -= ahead_begin_;
    ahead_begin_ = 0;
  }
  if (ahead_end_ == ahead_.size()) ahead_.resize(2 * ahead_.size());
  const std::size_t count = transport.try_read(std::span(ahead_).subspan(ahead_end_));
  ahead_end_ += count;
  return count > 0;
}

void FrameReader::take_from_buffer() {
  while (receiving_) {
    if (!in_frame_) {
      if (ahead_end_ - ahead_begin_ < kFrameHeaderSize) return;
      begin_frame();
    } else {
      const std::size_t count = std::min(frame_missing_, ahead_end_ - ahead_begin_);
      if (count == 0) return;
      std::memcpy(message_.data(), &ahead_[ahead_begin_], count);
      ahead_begin_ += count;
      consume_payload(count);
    }
  }
}

void FrameReader::begin_frame() {
  const std::size_t length = std::min(message_.size(), kMaxFramePayload);
  const ExpectedFrame expected{
      {static_cast<std::uint32_t>(length), tag_, length == message_.size(), sequence_, min_round_},
      max_round_};
  const FrameHeader header = decode_frame_header(
      std::span<const std::byte, kFrameHeaderSize>(&ahead_[ahead_begin_], kFrameHeaderSize),
      expected);
  ahead_begin_ += kFrameHeaderSize;
  ++sequence_;
  // The frames of one message carry one stamp.
  min_round_ = max_round_ = round_ = header.round;
  in_frame_ = true;
  frame_missing_ = length;
  consume_payload(0);
}

void FrameReader::consume_payload(std::size_t count) {
  message_ = message_.subspan(count);
  frame_missing_ -= count;
  if (frame_missing_ > 0) return;
  in_frame_ = false;
  receiving_ = !message_.empty();
}

}  // namespace hush::mpc
