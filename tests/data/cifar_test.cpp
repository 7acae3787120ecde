#include "data/cifar.h"

#include "tests/data/scratch.h"

namespace hush::data {
namespace {

constexpr std::size_t kPlane = 1024;

// A record whose pixel i of plane c is (i + 80 c + salt) mod 256.
Bytes record(const Bytes& labels, int salt = 0) {
  Bytes bytes = labels;
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (std::size_t i = 0; i < kPlane; ++i)
      bytes.push_back(std::uint8_t(i + 80 * channel + std::size_t(salt)));
  return bytes;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::string numbered_names(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "class" + std::to_string(i) + "\n";
  return text + "\n";  // the official file ends with an empty line
}

class Cifar : public ScratchTest {
 protected:
  void write_cifar10() {
    write("batches.meta.txt", numbered_names(10));
    for (int batch = 1; batch <= 5; ++batch)
      write("data_batch_" + std::to_string(batch) + ".bin",
            joined({record({std::uint8_t(batch)}, batch), record({9}, 50 + batch)}));
    write("test_batch.bin", record({3}));
  }
};

TEST_F(Cifar, ReadsBothSplitsInOrder) {
  write_cifar10();
  const Dataset train = read_cifar10(root(), Split::train);
  EXPECT_EQ(train.labels, (std::vector<std::int32_t>{1, 9, 2, 9, 3, 9, 4, 9, 5, 9}));
  EXPECT_EQ(train.class_names.size(), 10U);
  EXPECT_EQ(train.class_names[9], "class9");
  EXPECT_EQ(train.source, root());
  EXPECT_EQ(train.image(5)[0], 53);  // the second record of batch 3
  const Dataset test = read_cifar10(root(), Split::test);
  EXPECT_EQ(test.labels, std::vector<std::int32_t>{3});
  EXPECT_EQ(test.split, Split::test);
}

TEST_F(Cifar, PlanesAreInterleaved) {
  write_cifar10();
  const Dataset test = read_cifar10(root(), Split::test);
  for (std::size_t row : {0U, 1U, 31U})
    for (std::size_t column : {0U, 7U, 31U})
      for (std::size_t c = 0; c < 3; ++c)
        EXPECT_EQ(test.image(0)[(row * 32 + column) * 3 + c],
                  std::uint8_t(row * 32 + column + 80 * c));
}

TEST_F(Cifar, FineAndCoarseLabels) {
  write("train.bin", joined({record({19, 99}), record({4, 0})}));
  write("fine_label_names.txt", numbered_names(100));
  write("coarse_label_names.txt", numbered_names(20));
  const Dataset fine = read_cifar100(root(), Split::train);
  EXPECT_EQ(fine.labels, (std::vector<std::int32_t>{99, 0}));
  EXPECT_EQ(fine.classes(), 100);
  const Dataset coarse = read_cifar100(root(), Split::train, CifarLabels::cifar100_coarse);
  EXPECT_EQ(coarse.labels, (std::vector<std::int32_t>{19, 4}));
  EXPECT_EQ(coarse.classes(), 20);
  EXPECT_EQ(coarse.pixels, fine.pixels);
}

TEST_F(Cifar, MissingFile) {
  write_cifar10();
  std::filesystem::remove(root() / "data_batch_4.bin");
  expect_error([&] { read_cifar10(root(), Split::train); }, {"data_batch_4.bin", "no such file"});
  std::filesystem::create_directory(root() / "data_batch_4.bin");
  expect_error([&] { read_cifar10(root(), Split::train); },
               {"data_batch_4.bin", "not a regular file"});
}

TEST_F(Cifar, TruncatedFile) {
  write_cifar10();
  Bytes bytes = joined({record({1}), record({2})});
  bytes.pop_back();
  write("data_batch_2.bin", bytes);
  expect_error([&] { read_cifar10(root(), Split::train); },
               {"data_batch_2.bin", "6145 bytes", "3073", "truncated"});
  write("data_batch_2.bin", Bytes{});
  expect_error([&] { read_cifar10(root(), Split::train); }, {"data_batch_2.bin", "0 bytes"});
}

TEST_F(Cifar, LabelOutOfRange) {
  write_cifar10();
  write("test_batch.bin", joined({record({9}), record({10})}));
  expect_error([&] { read_cifar10(root(), Split::test); },
               {"test_batch.bin", "record 1", "label 10", "end at 9"});
}

TEST_F(Cifar, BothLabelsOfARecordAreChecked) {
  write("fine_label_names.txt", numbered_names(100));
  write("train.bin", record({20, 5}));
  expect_error([&] { read_cifar100(root(), Split::train); }, {"train.bin", "label 20"});
  write("train.bin", record({5, 100}));
  expect_error([&] { read_cifar100(root(), Split::train); }, {"train.bin", "label 100"});
}

TEST_F(Cifar, WrongNumberOfClassNames) {
  write_cifar10();
  write("batches.meta.txt", numbered_names(9));
  expect_error([&] { read_cifar10(root(), Split::test); },
               {"batches.meta.txt", "9 class names", "expected 10"});
}

}  // namespace
}  // namespace hush::data
