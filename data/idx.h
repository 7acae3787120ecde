// The IDX layout of MNIST and the datasets that took its place, such as Fashion-MNIST.
//
// Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". A file is
//   bytes 0, 1   zero
//   byte 2       element type; 0x08 is an unsigned byte, the only one used here
//   byte 3       rank
//   4 × rank     extents, 32-bit big-endian
//   the elements, row-major
// and usually gzip-compressed. None of the extents is believed before the length agrees.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace hush::data {

struct IdxArray {
  std::vector<std::int64_t> extents;
  std::span<const std::uint8_t> values;  // points into the bytes that were parsed
};

// Takes apart an uncompressed IDX file of unsigned bytes with `rank` extents. `where` names the
// file in errors. Throws FileError if magic, rank or length is not as it should be.
IdxArray parse_idx(std::span<const std::uint8_t> file, const std::string& where, int rank);

// Reads {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte from `folder`, each plain or with
// ".gz", as a dataset of one channel. The labels must be below class_names.size().
// Leaves name, mean and std to the caller.
Dataset read_idx(const std::filesystem::path& folder, Split split,
                 std::vector<std::string> class_names);

}  // namespace hush::data
