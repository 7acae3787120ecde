// Decoding photographs: libjpeg-turbo, which decode_image uses, beside stb_image; and what else
// preparing a batch costs. Takes the first 50 JPEG files below datasets/imagenette.
#include <benchmark/benchmark.h>
#include <stb/stb_image.h>

#include <algorithm>
#include <filesystem>

#include "data/file_bytes.h"
#include "data/jpeg.h"

namespace hush::data {
namespace {

const std::vector<std::vector<std::uint8_t>>& photographs() {
  static const std::vector<std::vector<std::uint8_t>> files = [] {
    std::vector<std::filesystem::path> paths;
    std::error_code missing;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator("datasets/imagenette", missing))
      if (entry.path().extension() == ".JPEG") paths.push_back(entry.path());
    std::ranges::sort(paths);
    paths.resize(std::min<std::size_t>(paths.size(), 50));
    std::vector<std::vector<std::uint8_t>> result;
    for (const auto& path : paths) result.push_back(read_file(path));
    return result;
  }();
  return files;
}

// Runs f on one photograph after the other; counts images and pixels.
template <class F>
void over_photographs(benchmark::State& state, F f) {
  if (photographs().empty()) {
    state.SkipWithError("no datasets/imagenette");
    return;
  }
  std::int64_t pixels = 0;
  std::size_t next = 0;
  for (auto unused : state) pixels += f(photographs()[next++ % photographs().size()]);
  state.SetItemsProcessed(state.iterations());
  state.counters["Mpixel/s"] =
      benchmark::Counter(double(pixels) * 1e-6, benchmark::Counter::kIsRate);
}

void decode_turbo(benchmark::State& state) {
  over_photographs(state, [](const auto& file) {
    const Image image = decode_jpeg(file, 3, "file");
    return image.height * image.width;
  });
}

void decode_stb(benchmark::State& state) {
  over_photographs(state, [](const auto& file) {
    int width = 0, height = 0, channels = 0;
    stbi_uc* pixels =
        stbi_load_from_memory(file.data(), int(file.size()), &width, &height, &channels, 3);
    stbi_image_free(pixels);
    return std::int64_t{width} * height;
  });
}

void decode_and_fit(benchmark::State& state) {
  over_photographs(state, [](const auto& file) {
    const Image image = decode_jpeg(file, 3, "file");
    benchmark::DoNotOptimize(fit_square(image, 224, 256).pixels.data());
    return image.height * image.width;
  });
}

BENCHMARK(decode_turbo)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_stb)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_and_fit)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hush::data

BENCHMARK_MAIN();
