#include "data/image_listing.h"

#include "data/image_folder.h"
#include "data/load_dataset.h"
#include "tests/data/scratch.h"

namespace hush::data {
namespace {

using testing::ElementsAre;

class ImageListingTest : public ScratchTest {
 protected:
  void write_image(const std::string& name, int level) {
    write(name, "P5\n1 1\n255\n" + std::string(1, char(level)));
  }
  std::vector<std::string> names(const ImageListing& listing) {
    std::vector<std::string> result;
    for (const auto& path : listing.paths)
      result.push_back(path.lexically_relative(root()).generic_string());
    return result;
  }
  // A Tiny-ImageNet of two classes.
  void write_tiny() {
    write_image("train/n02/images/n02_0.pgm", 1);
    write_image("train/n01/images/n01_0.pgm", 2);
    write_image("val/images/val_0.pgm", 3);
    write_image("val/images/val_1.pgm", 4);
    write("val/val_annotations.txt",
          std::string("val_1.pgm\tn01\t0\t0\t63\t63\nval_0.pgm\tn02\t1\t2\t3\t4\n"
                      "val_9.pgm\tn01\t0\t0\t1\t1\n"));  // a subset comes with all annotations
    write("wnids.txt", std::string("n02\nn01\n"));
  }
};

TEST_F(ImageListingTest, TinyImageNet) {
  write_tiny();
  const ImageListing train = list_images(root(), Split::train);
  EXPECT_THAT(names(train),
              ElementsAre("train/n01/images/n01_0.pgm", "train/n02/images/n02_0.pgm"));
  EXPECT_THAT(train.labels, ElementsAre(0, 1));
  const ImageListing val = list_images(root(), Split::test);
  EXPECT_THAT(names(val), ElementsAre("val/images/val_0.pgm", "val/images/val_1.pgm"));
  EXPECT_THAT(val.labels, ElementsAre(1, 0));
  EXPECT_THAT(val.class_names, ElementsAre("n01", "n02"));
  std::filesystem::remove_all(root() / "train");  // wnids.txt says the same
  EXPECT_THAT(list_images(root(), Split::test).labels, ElementsAre(1, 0));
}

TEST_F(ImageListingTest, TinyImageNetByName) {
  write_tiny();
  LoadOptions options;
  options.data_dir = root();
  const Dataset val = load_dataset("tiny-imagenet", Split::test, options);
  EXPECT_EQ(val.name, "tiny-imagenet");
  EXPECT_EQ(val.height, 64);
  EXPECT_EQ(val.image(0)[0], 3);
}

TEST_F(ImageListingTest, WordsReplaceFolderNames) {
  write_tiny();
  write("words.txt", std::string("n00\tentity\nn01\tcat, true cat\n"));
  EXPECT_THAT(list_images(root(), Split::train).class_names, ElementsAre("cat", "n02"));
  std::filesystem::remove(root() / "words.txt");
  write("LOC_synset_mapping.txt", std::string("n01 Egyptian cat\nn02 tench, Tinca tinca\n"));
  EXPECT_THAT(list_images(root(), Split::train).class_names, ElementsAre("Egyptian cat", "tench"));
}

TEST_F(ImageListingTest, LabelFilesNameOrNumberClasses) {
  write_image("train/cat/1.pgm", 1);
  write_image("train/dog/1.pgm", 1);
  write_image("val/b.pgm", 1);
  write_image("val/a.pgm", 1);
  const auto labels = write("labels.txt", std::string("a.pgm dog\nb.pgm   0\n"));
  const ImageListing listing = list_images(root(), Split::test, labels);
  EXPECT_THAT(names(listing), ElementsAre("val/a.pgm", "val/b.pgm"));
  EXPECT_THAT(listing.labels, ElementsAre(1, 0));
  for (const char* bad : {"a.pgm bird\n", "a.pgm 2\n", "a.pgm -1\n", "a.pgm\n", "a.pgm 1x\n",
                          "a.pgm dog\na.pgm dog\n", "/etc/passwd dog\n"})
    expect_error([&] { list_images(root(), Split::test, write("bad.txt", std::string(bad))); },
                 {"bad.txt", "line"});
  expect_error(
      [&] { list_images(root(), Split::test, write("none.txt", std::string("c.pgm dog\n"))); },
      {"none.txt", "none of its images"});
}

}  // namespace
}  // namespace hush::data
