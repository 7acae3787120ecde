#include "data/load_dataset.h"

#include <cstdlib>

#include "data/catalogue.h"
#include "data/digest.h"
#include "data/obtain.h"
#include "tests/data/http_server.h"
#include "tests/data/scratch.h"
#include "tests/data/tar.h"

namespace hush::data {
namespace {

namespace fs = std::filesystem;

std::string cifar_file(char label) {
  return label + std::string(3072, '\7');
}

// Each test runs in an empty folder of its own, so that it finds no datasets/ but its own.
class LoadDataset : public ScratchTest {
 protected:
  LoadDataset() : before_(fs::current_path()) {
    fs::create_directory(root() / "work");
    fs::current_path(root() / "work");
    if (const char* variable = std::getenv("HUSH_DATA")) variable_ = variable;
    unsetenv("HUSH_DATA");
  }
  ~LoadDataset() override {
    fs::current_path(before_);
    if (variable_.empty())
      unsetenv("HUSH_DATA");
    else
      setenv("HUSH_DATA", variable_.c_str(), 1);
  }

  // A CIFAR-10 whose test split is one image of class `label`.
  void write_cifar10(const fs::path& folder, char label) {
    write(folder / "batches.meta.txt", std::string("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"));
    write(folder / "test_batch.bin", cifar_file(label));
  }
  static LoadOptions offline(const fs::path& data_dir = {}) {
    LoadOptions options;
    options.data_dir = data_dir;
    options.allow_download = false;
    return options;
  }

 private:
  fs::path before_;
  std::string variable_;
};

TEST_F(LoadDataset, SearchesInOrder) {
  write_cifar10("work/datasets/cifar-10-batches-bin", '\1');
  EXPECT_EQ(load_dataset("cifar10", Split::test, offline()).labels[0], 1);
  write_cifar10("variable/cifar-10-batches-bin", '\2');
  setenv("HUSH_DATA", (root() / "variable").c_str(), 1);
  EXPECT_EQ(load_dataset("cifar10", Split::test, offline()).labels[0], 2);
  write_cifar10("option/cifar-10-batches-bin", '\3');
  const Dataset dataset = load_dataset("cifar10", Split::test, offline(root() / "option"));
  EXPECT_EQ(dataset.labels[0], 3);
  EXPECT_EQ(dataset.source, root() / "option/cifar-10-batches-bin");
  EXPECT_EQ(dataset.name, "cifar10");
}

TEST_F(LoadDataset, TheOptionMayNameTheDatasetItself) {
  write_cifar10("mine", '\4');
  EXPECT_EQ(load_dataset("cifar10", Split::test, offline(root() / "mine")).labels[0], 4);
}

TEST_F(LoadDataset, ADamagedDatasetIsNotPassedOver) {
  write_cifar10("work/datasets/cifar-10-batches-bin", '\1');
  fs::create_directories(root() / "option/cifar-10-batches-bin");
  write("option/cifar-10-batches-bin/data_batch_1.bin", cifar_file(1));
  expect_error([&] { load_dataset("cifar10", Split::test, offline(root() / "option")); },
               {"option/cifar-10-batches-bin/batches.meta.txt", "no such file"});
}

TEST_F(LoadDataset, ImageFolder) {
  write("pictures/train/a/1.pgm", std::string("P5\n1 1\n255\n\x10"));
  LoadOptions options = offline(root() / "pictures");
  options.images.side = 2;
  const Dataset dataset = load_dataset("imagefolder", Split::train, options);
  EXPECT_EQ(dataset.pixels, Bytes(12, 0x10));
  expect_error([&] { load_dataset("imagefolder", Split::train, offline(root() / "work")); },
               {"imagefolder", "train/", (root() / "work").string()});
}

TEST_F(LoadDataset, CoarseLabels) {
  std::string names;
  for (int i = 0; i < 20; ++i) names += "coarse\n";
  write("work/datasets/cifar-100-binary/test.bin", '\5' + cifar_file('\6'));
  write("work/datasets/cifar-100-binary/coarse_label_names.txt", names);
  LoadOptions options = offline();
  options.coarse_labels = true;
  const Dataset dataset = load_dataset("cifar100", Split::test, options);
  EXPECT_EQ(dataset.labels[0], 5);
  EXPECT_EQ(dataset.classes(), 20);
}

TEST_F(LoadDataset, OfflineSaysWhatToPutWhere) {
  fs::create_directory(root() / "option");
  expect_error([&] { load_dataset("cifar10", Split::train, offline(root() / "option")); },
               {"cifar10: not found", "datasets", "cifar-10-binary.tar.gz into",
                (root() / "option").string(), "https://www.cs.toronto.edu/~kriz/"});
  expect_error([&] { load_dataset("mnist", Split::train, offline()); },
               {"train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "datasets/mnist"});
  CatalogueEntry fashion = catalogue_entry("fashion-mnist");
  if (!fs::exists(fashion.system_folders.front()))
    expect_error([&] { load_dataset("fashion-mnist", Split::train, offline()); },
                 {"apt-get install dataset-fashion-mnist"});
}

TEST_F(LoadDataset, UnknownNameAndMissingFolder) {
  expect_error<ArgumentError>(
      [&] { load_dataset("cifar11", Split::train); },
      {"cifar11", "cifar10, cifar100, mnist, fashion-mnist, tiny-imagenet, imagefolder"});
  expect_error([&] { load_dataset("cifar10", Split::train, offline(root() / "typo")); },
               {"typo", "does not exist"});
}

TEST_F(LoadDataset, FailedDownloadLeavesNothing) {
  const HttpServer server({{"cifar-10-binary.tar.gz", {.body = "not the archive"}}});
  LoadOptions options;
  options.base_url = server.url();
  expect_error([&] { load_dataset("cifar10", Split::train, options); },
               {"cifar10: not found", "download failed", "MD5", "cifar-10-binary.tar.gz into"});
  EXPECT_EQ(server.requests(), 1);
  EXPECT_TRUE(fs::is_empty("datasets"));
}

std::string md5(const Bytes& bytes) {
  Digest digest("md5");
  digest.add(bytes);
  return digest.hex();
}

// CIFAR-10 as if these tiny archives were the official ones.
CatalogueEntry entry_for(const Bytes& archive) {
  CatalogueEntry entry = catalogue_entry("cifar10");
  entry.remote.front().md5 = md5(archive);
  return entry;
}

Bytes tiny_archive() {
  return gzipped(tar({{"cifar-10-batches-bin/batches.meta.txt", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"},
                      {"cifar-10-batches-bin/test_batch.bin", cifar_file('\6')}}));
}

TEST_F(LoadDataset, DownloadsVerifiesAndUnpacks) {
  const Bytes archive = tiny_archive();
  const HttpServer server(
      {{"cifar-10-binary.tar.gz", {.body = std::string(archive.begin(), archive.end())}}});
  LoadOptions options;
  options.base_url = server.url();
  options.data_dir = root() / "option";
  fs::create_directory(options.data_dir);
  const CatalogueEntry entry = entry_for(archive);
  const fs::path folder = obtain(entry, options);
  EXPECT_EQ(folder, options.data_dir / "cifar-10-batches-bin");
  EXPECT_EQ(entry.read(folder, Split::test, options).labels[0], 6);
  EXPECT_EQ(obtain(entry, options), folder);  // now it is there
  EXPECT_EQ(server.requests(), 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(options.data_dir), {}), 1);
}

TEST_F(LoadDataset, DownloadsSingleFiles) {
  CatalogueEntry entry = catalogue_entry("mnist");
  std::map<std::string, HttpServer::Response> files;
  for (RemoteFile& remote : entry.remote) {
    files[remote.name].body = remote.name;
    remote.md5 = md5(Bytes(remote.name.begin(), remote.name.end()));
  }
  const HttpServer server(files);
  LoadOptions options;
  options.base_url = server.url();
  options.base_url.pop_back();  // the slash at the end is optional
  EXPECT_EQ(obtain(entry, options), fs::path("datasets/mnist"));
  for (const RemoteFile& remote : entry.remote)
    EXPECT_EQ(fs::file_size(fs::path("datasets/mnist") / remote.name), remote.name.size());
}

TEST_F(LoadDataset, UnpacksAnArchiveThatIsThere) {
  const Bytes archive = tiny_archive();
  write("work/datasets/cifar-10-binary.tar.gz", archive);
  const CatalogueEntry entry = entry_for(archive);
  const fs::path folder = obtain(entry, offline());
  EXPECT_EQ(entry.read(folder, Split::test, {}).labels[0], 6);
}

TEST_F(LoadDataset, FolderThatCannotBeWritten) {
  write("blocked", std::string("a file where the folder should be"));
  setenv("HUSH_DATA", (root() / "blocked").c_str(), 1);
  expect_error([&] { load_dataset("cifar10", Split::train); }, {"blocked"});
}

TEST_F(LoadDataset, RefusesAnArchiveWithAnotherChecksum) {
  write("work/datasets/cifar-10-binary.tar.gz", std::string("half of the archive"));
  expect_error([&] { load_dataset("cifar10", Split::train); },
               {"datasets/cifar-10-binary.tar.gz", "MD5", "fetch it again"});
}

}  // namespace
}  // namespace hush::data
