// The datasets that Hush knows by name: where they live, what they are made of, who reads them.
// Adding one is adding a row to the table in catalogue.cpp.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace hush::data {

struct LoadOptions;

// A file at the official address, with the MD5 digest that the authors publish.
struct RemoteFile {
  std::string name;
  std::string md5;
};

struct CatalogueEntry {
  std::string name;  // "cifar10"
  // Folders below a data root that may hold it; the first is the one that a download makes.
  std::vector<std::string> folders = {};
  // A folder that has one of these files is taken for the dataset.
  std::vector<std::string> markers;
  // Absolute folders where a package manager puts it, and the command that does.
  std::vector<std::filesystem::path> system_folders = {};
  std::string install_command = {};

  std::string base_url = {};  // ends with a slash; empty if there is nothing to download
  std::vector<RemoteFile> remote =
      {};  // one tar archive that holds folders[0], or the files themselves
  bool is_archive = false;

  Dataset (*read)(const std::filesystem::path& folder, Split split, const LoadOptions& options);
};

std::span<const CatalogueEntry> catalogue();

// Throws ArgumentError that lists the names there are.
const CatalogueEntry& catalogue_entry(const std::string& name);

}  // namespace hush::data
