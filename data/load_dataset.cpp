#include "data/load_dataset.h"

#include "data/catalogue.h"
#include "data/obtain.h"

namespace hush::data {
namespace {

// Runs f; errors of the standard library's file functions become FileErrors.
template <class F>
auto with_file_errors(F&& f) {
  try {
    return f();
  } catch (const std::filesystem::filesystem_error& error) {
    throw FileError(fmt::format("{}: {}", error.path1().string(), error.code().message()));
  }
}

}  // namespace

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : catalogue()) names.push_back(entry.name);
  return names;
}

std::filesystem::path obtain_dataset(const std::string& name, const LoadOptions& options) {
  return with_file_errors([&] { return obtain(catalogue_entry(name), options); });
}

Dataset load_dataset(const std::string& name, Split split, const LoadOptions& options) {
  return with_file_errors([&] {
    const CatalogueEntry& entry = catalogue_entry(name);
    return entry.read(obtain(entry, options), split, options);
  });
}

}  // namespace hush::data
