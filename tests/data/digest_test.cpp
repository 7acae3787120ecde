#include "data/digest.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/dataset.h"

namespace hush::data {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

TEST(Digest, KnownAnswers) {  // RFC 1321, A.5 and FIPS 180-2, B.1
  Digest md5("md5");
  md5.add(bytes_of("message "));
  md5.add(bytes_of("digest"));
  EXPECT_EQ(md5.hex(), "f96b697d7cb7938d525a2f31aaf161d0");
  Digest sha("sha256");
  sha.add(bytes_of("abc"));
  EXPECT_EQ(sha.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, UnknownAlgorithm) {
  EXPECT_THROW(Digest("sha2048"), Error);
}

TEST(Digest, IntegersAreLittleEndian) {
  Digest one("sha256");
  one.add_integer(0x0102);
  Digest other("sha256");
  other.add(std::vector<std::uint8_t>{2, 1, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(one.hex(), other.hex());
}

Dataset two_pixels() {
  Dataset dataset;
  dataset.height = dataset.width = dataset.channels = 1;
  dataset.pixels = {7, 9};
  dataset.labels = {0, 1};
  dataset.class_names = {"a", "b"};
  return dataset;
}

TEST(Dataset, DigestDependsOnContentsOnly) {
  const Dataset dataset = two_pixels();
  Dataset moved = dataset;
  moved.source = "/elsewhere";
  EXPECT_EQ(moved.digest(), dataset.digest());
  Dataset brighter = dataset;
  brighter.pixels[1] = 10;
  EXPECT_NE(brighter.digest(), dataset.digest());
  Dataset relabelled = dataset;
  relabelled.labels[1] = 0;
  EXPECT_NE(relabelled.digest(), dataset.digest());
  Dataset reshaped = dataset;  // one image of two rows, without labels: the same bytes
  reshaped.labels = {};
  reshaped.height = 2;
  EXPECT_NE(reshaped.digest(), dataset.digest());
}

TEST(Dataset, ImageOutOfRange) {
  const Dataset dataset = two_pixels();
  EXPECT_EQ(dataset.image(1)[0], 9);
  EXPECT_THROW(dataset.image(2), ArgumentError);
  EXPECT_THROW(dataset.image(-1), ArgumentError);
}

}  // namespace
}  // namespace hush::data
