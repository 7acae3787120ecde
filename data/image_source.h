// Images that are read when they are asked for, because all of them would not fit into memory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/image.h"

namespace hush::data {

// Any thread may read, several at a time.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  virtual std::int64_t count() const = 0;
  // RGB, of whatever size it has. Throws FileError if it cannot be read or decoded.
  virtual Image read(std::int64_t index) const = 0;
  // A digest of what the images are made from: equal where the images are.
  virtual std::string digest() const = 0;
};

// Image files, decoded each time.
class ImageFiles final : public ImageSource {
 public:
  // `root` is what the digest leaves out of the paths.
  ImageFiles(std::filesystem::path root, std::vector<std::filesystem::path> paths)
      : root_(std::move(root)), paths_(std::move(paths)) {}

  std::int64_t count() const override { return std::int64_t(paths_.size()); }
  Image read(std::int64_t index) const override {
    return decode_image(paths_.at(std::size_t(index)));
  }
  // SHA-256 over paths and sizes of the files.
  std::string digest() const override;

 private:
  std::filesystem::path root_;
  std::vector<std::filesystem::path> paths_;
};

// Some of the images of another source.
class ChosenImages final : public ImageSource {
 public:
  // Image i is image chosen[i] of `all`.
  ChosenImages(std::shared_ptr<const ImageSource> all, std::vector<std::int64_t> chosen)
      : all_(std::move(all)), chosen_(std::move(chosen)) {}

  std::int64_t count() const override { return std::int64_t(chosen_.size()); }
  Image read(std::int64_t index) const override {
    return all_->read(chosen_.at(std::size_t(index)));
  }
  std::string digest() const override;

 private:
  std::shared_ptr<const ImageSource> all_;
  std::vector<std::int64_t> chosen_;
};

}  // namespace hush::data
