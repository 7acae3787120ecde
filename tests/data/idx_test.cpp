#include "data/idx.h"

#include "data/file_bytes.h"
#include "tests/data/scratch.h"

namespace hush::data {
namespace {

Bytes idx(const std::vector<std::uint32_t>& extents, const Bytes& values) {
  Bytes bytes = {0, 0, 8, std::uint8_t(extents.size())};
  for (std::uint32_t extent : extents)
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(std::uint8_t(extent >> shift));
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

const std::vector<std::string> kNames = {"zero", "one", "two"};
const Bytes kImages = idx({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
const Bytes kLabels = idx({2}, {2, 0});

using Idx = ScratchTest;

TEST_F(Idx, ReadsPlainFiles) {
  write("train-images-idx3-ubyte", kImages);
  write("train-labels-idx1-ubyte", kLabels);
  const Dataset dataset = read_idx(root(), Split::train, kNames);
  EXPECT_EQ(dataset.count(), 2);
  EXPECT_EQ(dataset.height, 2);
  EXPECT_EQ(dataset.width, 3);
  EXPECT_EQ(dataset.channels, 1);
  EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{2, 0}));
  EXPECT_EQ(dataset.pixels, (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST_F(Idx, ReadsCompressedFiles) {
  write("t10k-images-idx3-ubyte.gz", gzipped(kImages));
  write("t10k-labels-idx1-ubyte", kLabels);  // one of the two may be plain
  const Dataset dataset = read_idx(root(), Split::test, kNames);
  EXPECT_EQ(dataset.pixels.back(), 12);
  EXPECT_EQ(dataset.split, Split::test);
}

TEST_F(Idx, MissingFile) {
  write("train-images-idx3-ubyte", kImages);
  expect_error([&] { read_idx(root(), Split::train, kNames); },
               {"train-labels-idx1-ubyte.gz", "no such file"});
}

TEST_F(Idx, TruncatedGzip) {
  Bytes noise(200000);  // compresses badly, so that the cut lies within the data
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = std::uint8_t(i * i * 7919 >> 9);
  const Bytes whole = gzipped(idx({2, 100, 1000}, noise));
  write("train-labels-idx1-ubyte", kLabels);
  for (std::size_t kept : {whole.size() / 2, whole.size() - 1, whole.size() - 8}) {
    write("train-images-idx3-ubyte.gz", std::span(whole).first(kept));
    expect_error([&] { read_idx(root(), Split::train, kNames); },
                 {"train-images-idx3-ubyte.gz", "truncated"});
  }
}

TEST_F(Idx, CorruptGzip) {
  Bytes damaged = gzipped(kImages);
  damaged[damaged.size() - 6] ^= 1;  // in the checksum
  write("train-images-idx3-ubyte.gz", damaged);
  write("train-labels-idx1-ubyte", kLabels);
  expect_error([&] { read_idx(root(), Split::train, kNames); },
               {"train-images-idx3-ubyte.gz", "fetch the file again"});
}

TEST_F(Idx, GzipBombStopsAtTheLimit) {
  const auto path = write("bomb.gz", gzipped(Bytes(8 << 20)));
  ASSERT_LT(std::filesystem::file_size(path), std::size_t{1} << 16);
  expect_error([&] { read_gzip_or_plain(path, 3 << 20); }, {"bomb.gz", "more than 3145728 bytes"});
  EXPECT_EQ(read_gzip_or_plain(path, 8 << 20).size(), std::size_t{8} << 20);
}

TEST_F(Idx, LabelOutOfRange) {
  write("train-images-idx3-ubyte", kImages);
  write("train-labels-idx1-ubyte", idx({2}, {1, 3}));
  expect_error([&] { read_idx(root(), Split::train, kNames); },
               {"train-labels-idx1-ubyte", "label 3", "position 1", "end at 2"});
}

TEST_F(Idx, CountsDisagree) {
  write("train-images-idx3-ubyte", kImages);
  write("train-labels-idx1-ubyte", idx({3}, {0, 0, 0}));
  expect_error([&] { read_idx(root(), Split::train, kNames); },
               {"train-labels-idx1-ubyte", "3 labels", "2 images"});
}

TEST_F(Idx, NoPixels) {
  write("train-images-idx3-ubyte", idx({0, 28, 28}, {}));
  write("train-labels-idx1-ubyte", idx({0}, {}));
  expect_error([&] { read_idx(root(), Split::train, kNames); },
               {"train-images-idx3-ubyte", "no pixels"});
}

struct BadHeader {
  const char* name;
  Bytes file;
  std::string message;
};

class IdxHeader : public testing::TestWithParam<BadHeader> {};

TEST_P(IdxHeader, IsRefused) {
  expect_error([&] { parse_idx(GetParam().file, "some.idx", 3); },
               {"some.idx", GetParam().message});
}

INSTANTIATE_TEST_SUITE_P(
    Idx, IdxHeader,
    testing::Values(
        BadHeader{"empty", {}, "0 bytes is too short"},
        BadHeader{"header_cut", {0, 0, 8, 3, 0, 0, 0, 1}, "8 bytes is too short"},
        BadHeader{"wrong_magic", Bytes(16, 0x1f), "starts with 1f 1f 1f 1f"},
        BadHeader{"labels_as_images", idx({12}, Bytes(12)), "starts with 00 00 08 01"},
        BadHeader{"floats", {0, 0, 0x0d, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, "00 00 0d 03"},
        BadHeader{"too_little", idx({2, 2, 3}, Bytes(11)), "announces 12 elements (2 x 2 x 3)"},
        BadHeader{"too_much", idx({2, 2, 3}, Bytes(13)), "but 13 follow"},
        // 2^32 - 1 cubed, and a product that is 0 modulo 2^64
        BadHeader{"huge", idx({~0U, ~0U, ~0U}, Bytes(5)), "announces too many elements"},
        BadHeader{"wraps", idx({1U << 31, 1U << 31, 4}, {}), "announces too many elements"}),
    [](const auto& header) { return std::string(header.param.name); });

}  // namespace
}  // namespace hush::data
