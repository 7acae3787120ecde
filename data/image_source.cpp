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

std::string ChosenImages::digest() const {
  std::string all = all_->digest();
  if (count() == all_->count()) return all;
  Digest digest("sha256");
  digest.add({reinterpret_cast<const std::uint8_t*>(all.data()), all.size()});
  for (const std::int64_t index : chosen_) digest.add_integer(std::uint64_t(index));
  return digest.hex();
}

}  // namespace hush::data
