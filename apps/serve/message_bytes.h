// The bytes of messages between services: numbers little-endian, ids as they are, texts padded with
// zeros, one after the other in a message of known size.
#pragma once

#include <fmt/format.h>

#include <algorithm>

#include "apps/serve/messages.h"
#include "mpc/channel/little_endian.h"

namespace hush::apps {

// A message of known size, written from front to back.
class MessageWriter {
 public:
  explicit MessageWriter(std::size_t size) : bytes_(size) {}
  template <class T>
  MessageWriter& number(T value) {
    mpc::store_little_endian(&bytes_.at(at_ + sizeof(T) - 1) - (sizeof(T) - 1), value);
    at_ += sizeof(T);
    return *this;
  }
  MessageWriter& id(const Id& value) {
    for (const std::byte b : value) bytes_.at(at_++) = b;
    return *this;
  }
  // Cut off or padded with zeros to `size` bytes.
  MessageWriter& text(const std::string& value, std::size_t size) {
    for (std::size_t i = 0; i < std::min(size, value.size()); ++i)
      bytes_.at(at_ + i) = std::byte(value[i]);
    at_ += size;
    return *this;
  }
  MessageWriter& query(const QueryId& query) {
    return id(query.session).number(query.request).number(query.image);
  }
  void send(mpc::Channel& channel, mpc::Tag tag) const { channel.send(bytes_, tag); }
  // For a message that ends a turn: the other one answers.
  void send_now(mpc::Channel& channel, mpc::Tag tag) const {
    send(channel, tag);
    channel.flush();
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
};

class MessageReader {
 public:
  MessageReader(mpc::Channel& channel, std::size_t size, mpc::Tag tag) : bytes_(size) {
    channel.receive(bytes_, tag);
  }
  template <class T>
  T number() {
    const T value = mpc::load_little_endian<T>(&bytes_.at(at_ + sizeof(T) - 1) - (sizeof(T) - 1));
    at_ += sizeof(T);
    return value;
  }
  Id id() {
    Id value;
    for (std::byte& b : value) b = bytes_.at(at_++);
    return value;
  }
  std::string text(std::size_t size) {
    std::string value;
    for (std::size_t i = 0; i < size && bytes_.at(at_ + i) != std::byte{0}; ++i)
      value += char(bytes_[at_ + i]);
    at_ += size;
    return printable(std::move(value));
  }
  QueryId query() {
    QueryId query;
    query.session = id();
    query.request = number<std::uint64_t>();
    query.image = number<std::uint32_t>();
    return query;
  }
  // One of an enumeration whose last value is `last`.
  template <class E>
  E one_of(E last, const char* what) {
    const auto value = number<std::uint32_t>();
    if (value > std::uint32_t(last))
      throw mpc::ProtocolViolation(fmt::format("there is no {} {}", what, value));
    return E(value);
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
};

}  // namespace hush::apps
