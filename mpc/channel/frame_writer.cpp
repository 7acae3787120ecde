#include "mpc/channel/frame_writer.h"

#include <algorithm>

namespace hush::mpc {

void FrameWriter::enqueue(std::span<const std::byte> message, Tag tag, std::uint64_t round) {
  tag_ = tag;
  round_ = round;
  if (message.size() <= kMaxCopied) {
    append_header(message.size(), true);
    buffer_.insert(buffer_.end(), message.begin(), message.end());
  } else {
    rest_ = message;
    begin_frame();
  }
}

void FrameWriter::begin_frame() {
  chunk_ = rest_.first(std::min(rest_.size(), kMaxFramePayload));
  rest_ = rest_.subspan(chunk_.size());
  append_header(chunk_.size(), rest_.empty());
}

void FrameWriter::append_header(std::size_t length, bool last) {
  const std::size_t offset = buffer_.size();
  buffer_.resize(offset + kFrameHeaderSize);
  const FrameHeader header{static_cast<std::uint32_t>(length), tag_, last, sequence_++, round_};
  encode_frame_header(header,
                      std::span<std::byte, kFrameHeaderSize>(&buffer_[offset], kFrameHeaderSize));
}

bool FrameWriter::write_some(Transport& transport) {
  if (buffer_.empty() && chunk_.empty()) {
    if (!flushed_) flushed_ = transport.try_flush();
    return flushed_;
  }
  const auto waiting = std::span<const std::byte>(buffer_).subspan(written_);
  const std::size_t count = transport.try_write(waiting, chunk_);
  if (count == 0) return false;
  const std::size_t from_buffer = std::min(count, waiting.size());
  written_ += from_buffer;
  chunk_ = chunk_.subspan(count - from_buffer);
  if (written_ == buffer_.size() && chunk_.empty()) {
    buffer_.clear();
    written_ = 0;
    frames_written_ = sequence_;
    if (!rest_.empty()) begin_frame();
  }
  flushed_ = transport.try_flush();
  return true;
}

}  // namespace hush::mpc
