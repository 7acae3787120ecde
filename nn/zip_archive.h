// The directory of a zip archive whose entries are stored, not compressed: what torch.save writes.
//
// PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.4; zip64 (4.5.3) included. The end of the file
// says where the central directory is, the directory where each entry's local header is, and the
// local header, whose length varies, comes right before the data. An archive comes from a stranger:
// every position is checked against the file's size, and no memory is taken on an entry's word.
// The checksums are not looked at, since PyTorch neither checks nor always writes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "nn/readable_file.h"

namespace hush::nn {

class ZipArchive {
 public:
  struct Entry {
    std::uint64_t begin = 0;  // of the data, in bytes from the start of the file
    std::uint64_t size = 0;   // bytes
  };

  // Reads and checks the directory. Throws FileError if it is damaged, in several parts,
  // encrypted, names an entry twice, or has a compressed one.
  explicit ZipArchive(const ReadableFile& file);

  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  // The entry of that name, or null.
  const Entry* find(std::string_view name) const;

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace hush::nn
