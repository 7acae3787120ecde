#include "data/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/thread_pool.h"
#include "data/image.h"

namespace hush::data {
namespace {

namespace fs = std::filesystem;

bool is_image(const fs::directory_entry& entry) {
  std::string suffix = entry.path().extension().string();
  for (char& c : suffix) c = char(std::tolower(static_cast<unsigned char>(c)));
  return entry.is_regular_file() &&
         std::find(kImageSuffixes.begin(), kImageSuffixes.end(), suffix) != kImageSuffixes.end();
}

std::vector<std::string> class_folders(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  if (names.empty())
    throw FileError(
        fmt::format("{}: has no class folders; put the images of each class into a "
                    "folder named after it",
                    folder.string()));
  return names;
}

std::vector<fs::path> images_below(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (is_image(entry)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  if (paths.empty())
    throw FileError(fmt::format("{}: an empty class folder; add images ({}) or remove it",
                                folder.string(), fmt::join(kImageSuffixes, " ")));
  return paths;
}

fs::path split_folder(const fs::path& root, Split split) {
  if (split == Split::train) return root / "train";
  return fs::is_directory(root / "val") ? root / "val" : root / "test";
}

// Lists the images of the split and fills labels and class names.
std::vector<fs::path> list_images(const fs::path& root, const fs::path& folder, Dataset& dataset) {
  dataset.class_names = class_folders(fs::is_directory(root / "train") ? root / "train" : folder);
  const std::vector<std::string>& names = dataset.class_names;
  std::vector<fs::path> paths;
  for (const std::string& name : class_folders(folder)) {
    const auto found = std::lower_bound(names.begin(), names.end(), name);
    if (found == names.end() || *found != name)
      throw FileError(fmt::format("{}: is not a class of {}", (folder / name).string(),
                                  (root / "train").string()));
    const std::vector<fs::path> images = images_below(folder / name);
    paths.insert(paths.end(), images.begin(), images.end());
    dataset.labels.resize(paths.size(), std::int32_t(found - names.begin()));
  }
  return paths;
}

}  // namespace

bool is_image_folder(const fs::path& root) {
  return fs::is_directory(root / "train") || fs::is_directory(root / "val") ||
         fs::is_directory(root / "test");
}

Dataset read_image_folder(const fs::path& root, Split split, std::int64_t side) {
  require(side >= 1 && side <= 4096, "imagefolder: image size {}, expected 1 to 4096", side);
  const fs::path folder = split_folder(root, split);
  if (!fs::is_directory(folder))
    throw FileError(
        fmt::format("{}: no such folder; it should hold one folder per class", folder.string()));
  Dataset dataset;
  dataset.name = "imagefolder";
  dataset.split = split;
  dataset.source = root;
  dataset.height = dataset.width = side;
  dataset.channels = 3;
  dataset.mean = {0.485f, 0.456f, 0.406f};
  dataset.std = {0.229f, 0.224f, 0.225f};
  const std::vector<fs::path> paths = list_images(root, folder, dataset);
  const std::size_t image_bytes = std::size_t(dataset.image_bytes());
  dataset.pixels.resize(paths.size() * image_bytes);
  parallel_chunks(paths.size(), [&](std::size_t i) {
    const Image image = fit_square(decode_image(paths[i]), side);
    std::copy(image.pixels.begin(), image.pixels.end(), dataset.pixels.begin() + i * image_bytes);
  });
  return dataset;
}

}  // namespace hush::data
