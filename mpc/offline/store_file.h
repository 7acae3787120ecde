// The file below a correlation store: reading and writing at offsets, and an order of writes that
// a crash cannot turn around. Behind an interface so that tests can lose power at any write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/error.h"

namespace hush::mpc {

// Every function throws FileError, which names file and reason.
class StoreFile {
 public:
  StoreFile() = default;
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;
  virtual ~StoreFile() = default;

  virtual std::uint64_t size() const = 0;
  // Exactly out.size() bytes; throws beyond the end.
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  // May extend the file. After a crash any part of what was written since the last `sync` may be
  // missing, in any order.
  virtual void write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  // All that was written before is on the disk when this returns.
  virtual void sync() = 0;
  virtual void resize(std::uint64_t size) = 0;
  // Claims space, so that a full disk shows before anything is written.
  virtual void reserve(std::uint64_t offset, std::uint64_t bytes) = 0;
  // The bytes are not needed any more: gives their space back, as far as the file system can.
  virtual void discard(std::uint64_t offset, std::uint64_t bytes) = 0;
  // For messages.
  virtual std::string name() const = 0;
};

// Opens or creates (mode 0600) the file and locks it until it is destroyed. Throws FileError if
// another process has it open, if others than its owner may read it, or if it is no plain file.
std::unique_ptr<StoreFile> open_store_file(const std::filesystem::path& path);

}  // namespace hush::mpc
