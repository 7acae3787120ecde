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
  const Dataset dataset = read_image_folder(root(), Split::train, {.side = 6});
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"Zebra", "cat", "dog"}));
  EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1, 2, 2}));
  EXPECT_EQ(levels(dataset), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(dataset.pixels.size(), 4U * 6 * 6 * 3);
}

TEST_F(ImageFolder, TestClassesAreNumberedAsInTraining) {
  write_image("train/a/1.pgm", 1);
  write_image("train/b/1.pgm", 2);
  write_image("val/b/1.pgm", 3);
  const Dataset dataset = read_image_folder(root(), Split::test, {.side = 4});
  EXPECT_EQ(dataset.labels, std::vector<std::int32_t>{1});
  EXPECT_EQ(dataset.classes(), 2);
}

TEST_F(ImageFolder, TestFolderAlone) {
  write_image("test/a/1.pgm", 1);
  EXPECT_TRUE(is_image_folder(root()));
  EXPECT_EQ(read_image_folder(root(), Split::test, {.side = 4}).count(), 1);
  expect_error([&] { read_image_folder(root(), Split::train, {.side = 4}); },
               {"train", "no such folder"});
}

TEST_F(ImageFolder, DoesNotDependOnThreads) {
  for (int i = 0; i < 20; ++i) write_image("train/a/" + std::to_string(i) + ".pgm", i, 9, 5 + i);
  const int before = thread_count();
  set_thread_count(1);
  const Dataset serial = read_image_folder(root(), Split::train, {.side = 8});
  set_thread_count(3);
  EXPECT_EQ(read_image_folder(root(), Split::train, {.side = 8}).digest(), serial.digest());
  set_thread_count(before);
}

TEST_F(ImageFolder, EmptyClassFolder) {
  write_image("train/a/1.pgm", 1);
  std::filesystem::create_directory(root() / "train/b");
  expect_error([&] { read_image_folder(root(), Split::train, {.side = 4}); },
               {"train/b", "empty class folder"});
}

TEST_F(ImageFolder, NoClassFolders) {
  std::filesystem::create_directory(root() / "train");
  expect_error([&] { read_image_folder(root(), Split::train, {.side = 4}); },
               {"train", "no class folders"});
}

TEST_F(ImageFolder, UnknownTestClass) {
  write_image("train/a/1.pgm", 1);
  write_image("val/b/1.pgm", 1);
  expect_error([&] { read_image_folder(root(), Split::test, {.side = 4}); },
               {"val/b", "not a class"});
}

TEST_F(ImageFolder, UndecodableImage) {
  write_image("train/a/1.pgm", 1);
  write("train/a/2.jpg", std::string("\xff\xd8\xff\xe0 and no more"));
  expect_error([&] { read_image_folder(root(), Split::train, {.side = 4}); },
               {"train/a/2.jpg", "cannot be decoded"});
}

TEST_F(ImageFolder, BadImagesAreLeftOutAndCounted) {
  write_image("train/a/1.pgm", 1);
  write("train/a/2.jpg", std::string("\xff\xd8\xff\xe0 and no more"));
  write_image("train/b/3.pgm", 3);
  for (const ImageStorage storage :
       {ImageStorage::memory, ImageStorage::stream, ImageStorage::packed}) {
    ImageFolderOptions options{.side = 4, .storage = storage, .cache = root() / "cache"};
    if (storage != ImageStorage::stream)
      expect_error([&] { read_image_folder(root(), Split::train, options); }, {"2.jpg"});
    options.bad = BadImages::skip;
    const Dataset dataset = read_image_folder(root(), Split::train, options);
    EXPECT_EQ(dataset.skipped, 1);
    EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(dataset.fitted(1).pixels, Bytes(48, 3));
  }
  // The packed file remembers which one was bad.
  expect_error(
      [&] {
        read_image_folder(root(), Split::train,
                          {.side = 4, .storage = ImageStorage::packed, .cache = root() / "cache"});
      },
      {"2.jpg", "cannot be decoded"});
  std::filesystem::remove(root() / "train/a/1.pgm");
  std::filesystem::remove(root() / "train/b/3.pgm");
  write("train/b/3.jpg", std::string("\xff\xd8\xff\xe0 and no more"));
  expect_error(
      [&] { read_image_folder(root(), Split::train, {.side = 4, .bad = BadImages::skip}); },
      {"none of its images decodes"});
}

// The same images, wherever they are kept, with a resize that leaves a margin.
TEST_F(ImageFolder, StorageDoesNotChangeTheImages) {
  for (int i = 0; i < 9; ++i)
    write_image("train/a/" + std::to_string(i) + ".pgm", 20 * i, 20 + 3 * i, 41 - 2 * i);
  ImageFolderOptions options{.side = 12, .resize = 16, .cache = root() / "cache"};
  const Dataset memory = read_image_folder(root(), Split::train, options);
  options.storage = ImageStorage::stream;
  const Dataset stream = read_image_folder(root(), Split::train, options);
  options.storage = ImageStorage::packed;
  const Dataset made = read_image_folder(root(), Split::train, options);
  const Dataset found = read_image_folder(root(), Split::train, options);
  for (std::int64_t i = 0; i < 9; ++i)
    for (const Dataset* other : {&stream, &made, &found})
      EXPECT_EQ(other->fitted(i).pixels, memory.fitted(i).pixels) << i;
  EXPECT_EQ(stream.whole(2).height, 26);
  EXPECT_EQ(made.whole(2).height, 16);  // the shorter side is reduced to `resize`
  EXPECT_EQ(stream.digest(), made.digest());
  EXPECT_THROW(stream.image(0), ArgumentError);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root() / "cache"), {}), 1);
}

TEST_F(ImageFolder, SillySize) {
  EXPECT_THROW(read_image_folder(root(), Split::train, {.side = 0}), ArgumentError);
  EXPECT_THROW(read_image_folder(root(), Split::train, {.side = 1 << 20}), ArgumentError);
}

}  // namespace
}  // namespace hush::data
