#include "data/image_source.h"

#include <span>

#include "data/digest.h"

namespace hush::data {

std::string ImageFiles::digest() const {
  Digest digest("sha256");
  for (const std::filesystem::path& path : paths_) {
    const std::string name = path.lexically_relative(root_).generic_string();
    digest.add_integer(name.size());
    digest.add({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
    digest.add_integer(std::filesystem::file_size(path));
  }
  return digest.hex();
}

}  // namespace hush::data
