#include "data/image_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "core/error.h"
#include "core/thread_pool.h"
#include "data/image_listing.h"
#include "data/packed_images.h"

namespace hush::data {
namespace {

namespace fs = std::filesystem;

std::int64_t shorter_side(const ImageFolderOptions& options) {
  return options.resize > 0 ? options.resize : options.side;
}

// Keeps the labels whose image is good, and counts the others.
std::vector<std::int64_t> keep_good(const std::vector<char>& good, const fs::path& folder,
                                    Dataset& dataset) {
  std::vector<std::int64_t> kept;
  for (std::size_t i = 0; i < good.size(); ++i)
    if (good[i] != 0) {
      dataset.labels[kept.size()] = dataset.labels[i];
      kept.push_back(std::int64_t(i));
    }
  dataset.labels.resize(kept.size());
  dataset.skipped = std::int64_t(good.size() - kept.size());
  if (kept.empty()) throw FileError(fmt::format("{}: none of its images decodes", folder.string()));
  return kept;
}

// Calls f(i) for all images on all threads, and says for which it threw no FileError.
template <class F>
std::vector<char> try_all(std::int64_t count, const ImageFolderOptions& options, F f) {
  std::vector<char> good(std::size_t(count), 1);
  std::mutex mutex;
  std::int64_t done = 0;
  parallel_chunks(good.size(), [&](std::size_t i) {
    try {
      f(std::int64_t(i));
    } catch (const FileError&) {
      if (options.bad == BadImages::error) throw;
      good[i] = 0;
    }
    const std::lock_guard lock(mutex);
    if (++done % 64 == 0 && options.progress) options.progress(done, count);
  });
  return good;
}

void read_into_memory(const ImageSource& files, const ImageFolderOptions& options,
                      Dataset& dataset) {
  const auto image_bytes = std::size_t(dataset.image_bytes());
  const std::size_t needed = std::size_t(files.count()) * image_bytes;
  const auto memory = std::size_t(::sysconf(_SC_PHYS_PAGES)) * std::size_t(::sysconf(_SC_PAGESIZE));
  if (needed > memory / 10 * 8)
    throw FileError(
        fmt::format("{}: {} images of {} x {} take {} GiB, this machine has {}; read them as they "
                    "are needed, with --cache DIR or --stream",
                    dataset.source.string(), files.count(), options.side, options.side,
                    needed >> 30, memory >> 30));
  dataset.pixels.resize(needed);
  const std::vector<char> good = try_all(files.count(), options, [&](std::int64_t i) {
    const Image image = fit_square(files.read(i), options.side, options.resize);
    std::ranges::copy(image.pixels, dataset.pixels.begin() + i * std::int64_t(image_bytes));
  });
  const std::vector<std::int64_t> kept = keep_good(good, dataset.source, dataset);
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (kept[i] != std::int64_t(i))
      std::copy_n(dataset.pixels.begin() + kept[i] * std::int64_t(image_bytes), image_bytes,
                  dataset.pixels.begin() + std::int64_t(i * image_bytes));
  dataset.pixels.resize(kept.size() * image_bytes);
}

// The packed file of these images, made if it is not there yet.
std::shared_ptr<const PackedImages> packed(const ImageFiles& files,
                                           const ImageFolderOptions& options, Split split) {
  require(!options.cache.empty(), "imagefolder: packed images need a folder to lie in");
  const std::string digest = files.digest();
  const fs::path path = options.cache / fmt::format("{}-{}-{}.hushpack", digest.substr(0, 16),
                                                    name_of(split), shorter_side(options));
  if (!fs::exists(path))
    pack_images(
        path, files, shorter_side(options),
        [&](std::int64_t, const std::string& what) {
          if (options.bad == BadImages::error) throw FileError(what);
        },
        [&](std::int64_t done) {
          if (options.progress) options.progress(done, files.count());
        });
  auto images = std::make_shared<PackedImages>(path);
  if (images->digest() != digest || images->shorter_side() != shorter_side(options) ||
      images->count() != files.count())
    throw FileError(path.string() + ": was made of other images; delete it");
  return images;
}

void read_packed(const ImageFiles& files, const ImageFolderOptions& options, Dataset& dataset) {
  const auto images = packed(files, options, dataset.split);
  std::vector<char> good;
  for (std::int64_t i = 0; i < images->count(); ++i) good.push_back(images->decoded(i) ? 1 : 0);
  if (const auto bad = std::ranges::find(good, 0); bad != good.end())
    if (options.bad == BadImages::error) files.read(bad - good.begin());  // throws what is wrong
  dataset.images = std::make_shared<ChosenImages>(images, keep_good(good, dataset.source, dataset));
}

}  // namespace

bool is_image_folder(const fs::path& root) {
  return fs::is_directory(root / "train") || fs::is_directory(root / "val") ||
         fs::is_directory(root / "test");
}

Dataset read_image_folder(const fs::path& root, Split split, const ImageFolderOptions& options) {
  require(options.side >= 1 && options.side <= 4096,
          "imagefolder: image size {}, expected 1 to 4096", options.side);
  require(options.resize == 0 || (options.resize >= options.side && options.resize <= 8192),
          "imagefolder: images resized to {} have no crop of {}", options.resize, options.side);
  ImageListing listing = list_images(root, split, options.label_file);
  Dataset dataset;
  dataset.name = "imagefolder";
  dataset.split = split;
  dataset.source = root;
  dataset.height = dataset.width = options.side;
  dataset.channels = 3;
  dataset.mean = {0.485f, 0.456f, 0.406f};
  dataset.std = {0.229f, 0.224f, 0.225f};
  dataset.class_names = std::move(listing.class_names);
  dataset.labels = std::move(listing.labels);
  dataset.resize = options.resize;
  const auto files = std::make_shared<ImageFiles>(root, std::move(listing.paths));
  switch (options.storage) {
    case ImageStorage::memory:
      read_into_memory(*files, options, dataset);
      break;
    case ImageStorage::stream:
      dataset.images = files;
      if (options.bad == BadImages::skip)  // which ones are good shows only when they are decoded
        dataset.images = std::make_shared<ChosenImages>(
            files,
            keep_good(try_all(files->count(), options, [&](std::int64_t i) { files->read(i); }),
                      root, dataset));
      break;
    case ImageStorage::packed:
      read_packed(*files, options, dataset);
      break;
  }
  return dataset;
}

}  // namespace hush::data
