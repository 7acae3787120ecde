#include "data/image_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include "core/error.h"
#include "data/file_bytes.h"

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

std::vector<std::string> all_classes(const fs::path& root, const fs::path& folder) {
  if (fs::is_directory(root / "train")) return class_folders(root / "train");
  if (fs::exists(root / "wnids.txt")) {
    std::vector<std::string> names = read_lines(root / "wnids.txt");
    std::sort(names.begin(), names.end());
    return names;
  }
  return class_folders(folder);
}

void add_folders(const fs::path& root, const fs::path& folder, ImageListing& listing) {
  const std::vector<std::string>& names = listing.class_names;
  for (const std::string& name : class_folders(folder)) {
    const auto found = std::lower_bound(names.begin(), names.end(), name);
    if (found == names.end() || *found != name)
      throw FileError(fmt::format("{}: is not a class of {}", (folder / name).string(),
                                  (root / "train").string()));
    const std::vector<fs::path> images = images_below(folder / name);
    listing.paths.insert(listing.paths.end(), images.begin(), images.end());
    listing.labels.resize(listing.paths.size(), std::int32_t(found - names.begin()));
  }
}

// The class that a label file means: a name, or a number counted from 0.
std::int32_t class_number(const std::vector<std::string>& names, std::string_view text) {
  const auto found = std::lower_bound(names.begin(), names.end(), text);
  if (found != names.end() && *found == text) return std::int32_t(found - names.begin());
  std::int32_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool fits = error == std::errc() && end == text.data() + text.size() && number >= 0 &&
                    std::size_t(number) < names.size();
  return fits ? number : -1;
}

void add_labelled(const fs::path& folder, const fs::path& label_file, ImageListing& listing) {
  std::map<fs::path, std::int32_t> labels;
  int line_number = 0;
  for (const std::string& line : read_lines(label_file)) {
    ++line_number;
    const std::size_t end = line.find_first_of(" \t");
    const std::size_t begin = end == line.npos ? end : line.find_first_not_of(" \t", end);
    const std::string_view rest = begin == line.npos ? "" : std::string_view(line).substr(begin);
    const std::string_view text = rest.substr(0, rest.find_first_of(" \t"));
    const std::int32_t number = class_number(listing.class_names, text);
    // Tiny-ImageNet's annotations leave the folder images/ out.
    const fs::path name = line.substr(0, end);
    const fs::path path =
        fs::exists(folder / "images" / name) ? folder / "images" / name : folder / name;
    if (number < 0 || name.is_absolute() || !labels.emplace(path, number).second)
      throw FileError(fmt::format("{}: line {} is no FILE and CLASS, or names a file twice",
                                  label_file.string(), line_number));
  }
  // A subset of the images comes with all of the labels.
  for (const auto& [path, number] : labels) {
    if (!fs::exists(path)) continue;
    listing.paths.push_back(path);
    listing.labels.push_back(number);
  }
  if (listing.paths.empty())
    throw FileError(
        fmt::format("{}: none of its images lies in {}", label_file.string(), folder.string()));
}

void use_better_names(const fs::path& root, std::vector<std::string>& names) {
  for (const auto& [file, separator] :
       {std::pair(root / "words.txt", '\t'), std::pair(root / "LOC_synset_mapping.txt", ' ')}) {
    if (!fs::exists(file)) continue;
    std::map<std::string, std::string, std::less<>> better;
    for (const std::string& line : read_lines(file))
      if (const std::size_t end = line.find(separator); end != line.npos)
        better[line.substr(0, end)] = line.substr(end + 1, line.find(',', end) - end - 1);
    for (std::string& name : names)
      if (const auto found = better.find(name); found != better.end()) name = found->second;
    return;
  }
}

}  // namespace

ImageListing list_images(const fs::path& root, Split split, const fs::path& label_file) {
  const fs::path folder = split_folder(root, split);
  if (!fs::is_directory(folder))
    throw FileError(
        fmt::format("{}: no such folder; it should hold one folder per class", folder.string()));
  ImageListing listing;
  listing.class_names = all_classes(root, folder);
  const fs::path annotations = folder / "val_annotations.txt";
  if (split == Split::test && !label_file.empty())
    add_labelled(folder, label_file, listing);
  else if (split == Split::test && fs::exists(annotations))
    add_labelled(folder, annotations, listing);
  else
    add_folders(root, folder, listing);
  use_better_names(root, listing.class_names);
  return listing;
}

}  // namespace hush::data
