// Writing a file so that, whatever happens, its name stands for the old contents or the new ones.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace hush::nn {

// Writes the parts, one after the other, to PATH.partial in the same folder, syncs it to the
// disk, renames it to `path`, and syncs the folder. A process killed in between leaves PATH as it
// was. Throws FileError, saying that the old file (if any) is unchanged, when the disk is full,
// the folder missing or read-only; PATH.partial is then removed.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts);

}  // namespace hush::nn
