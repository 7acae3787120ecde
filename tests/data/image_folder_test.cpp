#include "data/image_folder.h"

#include "core/thread_pool.h"
#include "tests/data/scratch.h"

namespace hush::data {
namespace {

class ImageFolder : public ScratchTest {
 protected:
  // One grey level, so that the image is recognised after decoding; PNM keeps it exactly.
  void write_image(const std::filesystem::path& name, int level, int height = 4, int width = 4) {
    std::string text = "P5\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n";
    write(name, text + std::string(std::size_t(height * width), char(level)));
  }
  std::vector<int> levels(const Dataset& dataset) {
    std::vector<int> result;
    for (std::int64_t i = 0; i < dataset.count(); ++i) result.push_back(dataset.image(i)[0]);
    return result;
  }
};

TEST_F(ImageFolder, ClassesAndImagesAreSorted) {
  write_image("train/dog/b.pgm", 4);
  write_image("train/dog/a.PGM", 3, 7, 5);
  write_image("train/cat/images/z.pgm", 2);  // deeper, as in Tiny-ImageNet
  write_image("train/Zebra/c.pgm", 1);
  write("train/dog/notes.txt", std::string("not an image"));
  write("train/list.txt", std::string("not a class"));
  const Dataset dataset = read_image_folder(root(), Split::train, 6);
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"Zebra", "cat", "dog"}));
  EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1, 2, 2}));
  EXPECT_EQ(levels(dataset), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(dataset.pixels.size(), 4U * 6 * 6 * 3);
}

TEST_F(ImageFolder, TestClassesAreNumberedAsInTraining) {
  write_image("train/a/1.pgm", 1);
  write_image("train/b/1.pgm", 2);
  write_image("val/b/1.pgm", 3);
  const Dataset dataset = read_image_folder(root(), Split::test, 4);
  EXPECT_EQ(dataset.labels, std::vector<std::int32_t>{1});
  EXPECT_EQ(dataset.classes(), 2);
}

TEST_F(ImageFolder, TestFolderAlone) {
  write_image("test/a/1.pgm", 1);
  EXPECT_TRUE(is_image_folder(root()));
  EXPECT_EQ(read_image_folder(root(), Split::test, 4).count(), 1);
  expect_error([&] { read_image_folder(root(), Split::train, 4); }, {"train", "no such folder"});
}

TEST_F(ImageFolder, DoesNotDependOnThreads) {
  for (int i = 0; i < 20; ++i) write_image("train/a/" + std::to_string(i) + ".pgm", i, 9, 5 + i);
  const int before = thread_count();
  set_thread_count(1);
  const Dataset serial = read_image_folder(root(), Split::train, 8);
  set_thread_count(3);
  EXPECT_EQ(read_image_folder(root(), Split::train, 8).digest(), serial.digest());
  set_thread_count(before);
}

TEST_F(ImageFolder, EmptyClassFolder) {
  write_image("train/a/1.pgm", 1);
  std::filesystem::create_directory(root() / "train/b");
  expect_error([&] { read_image_folder(root(), Split::train, 4); },
               {"train/b", "empty class folder"});
}

TEST_F(ImageFolder, NoClassFolders) {
  std::filesystem::create_directory(root() / "train");
  expect_error([&] { read_image_folder(root(), Split::train, 4); }, {"train", "no class folders"});
}

TEST_F(ImageFolder, UnknownTestClass) {
  write_image("train/a/1.pgm", 1);
  write_image("val/b/1.pgm", 1);
  expect_error([&] { read_image_folder(root(), Split::test, 4); }, {"val/b", "not a class"});
}

TEST_F(ImageFolder, UndecodableImage) {
  write_image("train/a/1.pgm", 1);
  write("train/a/2.jpg", std::string("\xff\xd8\xff\xe0 and no more"));
  expect_error([&] { read_image_folder(root(), Split::train, 4); },
               {"train/a/2.jpg", "cannot be decoded"});
}

TEST_F(ImageFolder, SillySize) {
  EXPECT_THROW(read_image_folder(root(), Split::train, 0), ArgumentError);
  EXPECT_THROW(read_image_folder(root(), Split::train, 1 << 20), ArgumentError);
}

}  // namespace
}  // namespace hush::data
