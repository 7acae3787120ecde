#include "nn/weight_file.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "nn/safetensors.h"
#include "nn/torch_file.h"

namespace hush::nn {

std::unique_ptr<WeightFile> open_weight_file(const std::filesystem::path& path) {
  const ReadableFile file(path);
  std::array<std::byte, 8> start{};
  file.read(0, std::span(start).first(std::size_t(std::min<std::uint64_t>(file.size(), 8))));
  const auto begins_with = [&](std::initializer_list<int> magic) {
    return std::ranges::equal(magic, std::span(start).first(magic.size()),
                              [](int a, std::byte b) { return std::byte(a) == b; });
  };
  if (begins_with({'P', 'K', 3, 4})) return std::make_unique<TorchFile>(path);
  // What PyTorch before 1.6 wrote: a pickled integer, 0x1950a86a20f9469cfc6c.
  if (begins_with({0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46}))
    throw FileError(
        path.string() +
        ": a checkpoint in the format of PyTorch before 1.6; convert it with a newer one: "
        "torch.save(torch.load(FILE, map_location='cpu'), OTHER)");
  return std::make_unique<SafetensorsFile>(path);
}

}  // namespace hush::nn
