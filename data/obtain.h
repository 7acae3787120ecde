// Where a dataset of the catalogue is, and getting it there.
#pragma once

#include <filesystem>

#include "data/catalogue.h"
#include "data/load_dataset.h"

namespace hush::data {

// obtain_dataset (load_dataset.h) for one entry, which need not be one of the catalogue.
// Errors of the file system may come as std::filesystem::filesystem_error.
std::filesystem::path obtain(const CatalogueEntry& entry, const LoadOptions& options);

}  // namespace hush::data
