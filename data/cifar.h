// CIFAR-10 and CIFAR-100 in their official binary layout.
//
// A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
// https://www.cs.toronto.edu/~kriz/cifar.html. A file is a row of records without any header:
//   CIFAR-10    1 byte label (0 … 9)                                + 3072 bytes of pixels
//   CIFAR-100   1 byte coarse label (0 … 19), 1 byte fine (0 … 99)  + 3072 bytes of pixels
// with 32×32 pixels as planes: 1024 red, 1024 green, 1024 blue. Reading interleaves them.
//
// The number of records is taken from the file's length, so that subsets load as well.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "data/dataset.h"

namespace hush::data {

enum class CifarLabels { cifar10, cifar100_fine, cifar100_coarse };

// Appends the records of one file, given as bytes, to `dataset`. `where` names the file in
// errors. Throws FileError for an incomplete record, no record at all or a label out of range.
void append_cifar(std::span<const std::uint8_t> file, const std::string& where, CifarLabels labels,
                  Dataset& dataset);

// Reads data_batch_1.bin … data_batch_5.bin or test_batch.bin, and batches.meta.txt.
Dataset read_cifar10(const std::filesystem::path& folder, Split split);

// Reads train.bin or test.bin, and fine_label_names.txt or coarse_label_names.txt.
Dataset read_cifar100(const std::filesystem::path& folder, Split split,
                      CifarLabels labels = CifarLabels::cifar100_fine);

}  // namespace hush::data
