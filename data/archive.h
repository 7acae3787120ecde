// Unpacking the archives that datasets come in, with libarchive.
#pragma once

#include <filesystem>
#include <string>

namespace hush::data {

// Writes the regular files FOLDER/NAME of a (compressed) tar archive to `target`/NAME, where
// FOLDER is `folder` and NAME has no further slash; `target` must exist. All else in the archive
// (links, devices, absolute paths, "..") is passed over, so that nothing can be written outside
// of `target`. Throws FileError, naming the archive, if it is damaged, has no such file, or
// would unpack to more than 2 GiB.
void unpack_folder(const std::filesystem::path& archive, const std::string& folder,
                   const std::filesystem::path& target);

}  // namespace hush::data
