#include "data/obtain.h"

#include <fmt/format.h>
#include <stdlib.h>  // mkdtemp

#include <cerrno>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "data/archive.h"
#include "data/digest.h"
#include "data/file_bytes.h"

namespace hush::data {
namespace {

namespace fs = std::filesystem;

// A new hidden folder in `parent`, removed with all its contents in the end. It lies in the same
// file system as what it is renamed to.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) {
    fs::create_directories(parent);
    std::string name = (parent / ".hush-incomplete-XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw FileError(
          fmt::format("{}: cannot make a folder in it: {}", parent.string(), std::strerror(errno)));
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// The roots in the order in which they are searched; the first takes downloads.
std::vector<fs::path> data_roots(const LoadOptions& options) {
  std::vector<fs::path> roots;
  if (!options.data_dir.empty()) {
    if (!fs::is_directory(options.data_dir))
      throw FileError(
          fmt::format("{}: the data folder does not exist; create it to download "
                      "into it",
                      options.data_dir.string()));
    roots.push_back(options.data_dir);
  }
  if (const char* variable = std::getenv("HUSH_DATA"); variable && *variable)
    roots.emplace_back(variable);
  roots.emplace_back("datasets");
  return roots;
}

bool holds(const fs::path& folder, const CatalogueEntry& entry) {
  for (const std::string& marker : entry.markers)
    if (fs::exists(folder / marker)) return true;
  return false;
}

std::optional<fs::path> find_folder(const CatalogueEntry& entry, const LoadOptions& options,
                                    const std::vector<fs::path>& roots) {
  for (const fs::path& root : roots) {
    for (const std::string& folder : entry.folders)
      if (holds(root / folder, entry)) return root / folder;
    // MNIST and its successors share file names: a folder is taken for the dataset itself only
    // if the user pointed at it, or if the dataset has no name of its own.
    if ((root == options.data_dir || entry.folders.empty()) && holds(root, entry)) return root;
  }
  for (const fs::path& folder : entry.system_folders)
    if (holds(folder, entry)) return folder;
  return std::nullopt;
}

// Renames `finished` to its place. Another process may have been faster; then its result stands.
void move_into_place(const CatalogueEntry& entry, const fs::path& finished,
                     const fs::path& target) {
  std::error_code error;
  fs::rename(finished, target, error);
  if (error && !holds(target, entry))
    throw FileError(fmt::format("{}: cannot be created: {}", target.string(), error.message()));
}

fs::path unpack_into_place(const CatalogueEntry& entry, const fs::path& archive,
                           const TemporaryFolder& temporary, const fs::path& root) {
  const std::string& folder = entry.folders.front();
  const fs::path unpacked = temporary.path() / "unpacked";
  fs::create_directory(unpacked);
  unpack_folder(archive, folder, unpacked);
  move_into_place(entry, unpacked, root / folder);
  return root / folder;
}

// Unpacks the archive of `entry` where a user put it.
std::optional<fs::path> unpack_present(const CatalogueEntry& entry,
                                       const std::vector<fs::path>& roots) {
  if (!entry.is_archive) return std::nullopt;
  const RemoteFile& remote = entry.remote.front();
  for (const fs::path& root : roots) {
    const fs::path archive = root / remote.name;
    if (!fs::exists(archive)) continue;
    Digest digest("md5");
    digest.add(read_file(archive));
    if (const std::string md5 = digest.hex(); md5 != remote.md5)
      throw FileError(fmt::format("{}: has MD5 {}, but the official archive has {}; fetch it again",
                                  archive.string(), md5, remote.md5));
    const TemporaryFolder temporary(root);
    return unpack_into_place(entry, archive, temporary, root);
  }
  return std::nullopt;
}

fs::path fetch(const CatalogueEntry& entry, const LoadOptions& options, const fs::path& root) {
  std::string base = options.base_url.empty() ? entry.base_url : options.base_url;
  if (!base.ends_with('/')) base += '/';
  const TemporaryFolder temporary(root);
  const fs::path files = temporary.path() / "files";
  fs::create_directory(files);
  for (const RemoteFile& remote : entry.remote)
    download(base + remote.name, files / remote.name, remote.md5, options.progress);
  if (entry.is_archive)
    return unpack_into_place(entry, files / entry.remote.front().name, temporary, root);
  move_into_place(entry, files, root / entry.folders.front());
  return root / entry.folders.front();
}

// The one line for a dataset that is not there: where it was looked for, why it could not be
// fetched, and what to do.
std::string absence(const CatalogueEntry& entry, const std::vector<fs::path>& roots,
                    const std::string& reason) {
  std::string searched;
  for (const fs::path& root : roots)
    searched += (searched.empty() ? "" : ", ") + root.lexically_normal().string();
  if (entry.remote.empty())
    return fmt::format("{}: no train/, val/ or test/ in {}; point to the folder that has them",
                       entry.name, searched);
  std::string place = entry.remote.front().name;
  if (entry.is_archive) {
    place += fmt::format(" into {}", roots.front().string());
  } else {
    for (std::size_t i = 1; i < entry.remote.size(); ++i) place += " " + entry.remote[i].name;
    place += fmt::format(" into {}", (roots.front() / entry.folders.front()).string());
  }
  return fmt::format("{}: not found in {} ({}); {}put {} (from {})", entry.name, searched, reason,
                     entry.install_command.empty() ? "" : entry.install_command + ", or ", place,
                     entry.base_url);
}

}  // namespace

fs::path obtain(const CatalogueEntry& entry, const LoadOptions& options) {
  const std::vector<fs::path> roots = data_roots(options);
  if (auto found = find_folder(entry, options, roots)) return *found;
  if (auto unpacked = unpack_present(entry, roots)) return *unpacked;
  if (entry.remote.empty()) throw FileError(absence(entry, roots, ""));
  if (!options.allow_download) throw FileError(absence(entry, roots, "downloads are off"));
  try {
    return fetch(entry, options, roots.front());
  } catch (const DownloadError& error) {
    throw FileError(absence(entry, roots, fmt::format("download failed: {}", error.what())));
  }
}

}  // namespace hush::data
