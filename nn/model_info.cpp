// ModelInfo as metadata and back.
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "core/revision.h"
#include "nn/activation.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "nn/replacement.h"

namespace hush::nn {
namespace {

constexpr int kFormatVersion = 1;
constexpr std::string_view kOptionPrefix = "option.";
constexpr std::int64_t kMaxExtent = 1 << 16;
constexpr std::size_t kMaxNumbers = 1024;

[[noreturn]] void fail(const std::string& where, std::string_view key, std::string_view wanted) {
  throw FileError(
      fmt::format("{}: metadata entry '{}' is not {}; the file is damaged or comes "
                  "from another program",
                  where, key, wanted));
}

// The numbers of a list with spaces in between. Everything is checked: metadata is a file's word.
template <class T>
std::vector<T> numbers(const Metadata& metadata, const std::string& key, const std::string& where) {
  std::vector<T> result;
  const auto entry = metadata.find(key);
  if (entry == metadata.end()) return result;
  const char* at = entry->second.data();
  const char* const end = at + entry->second.size();
  while (at != end) {
    T value{};
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc() || (stop != end && *stop != ' ') || result.size() == kMaxNumbers)
      fail(where, key, "a list of numbers");
    result.push_back(value);
    at = stop == end ? end : stop + 1;
  }
  return result;
}

std::int64_t one_number(const Metadata& metadata, const std::string& key,
                        const std::string& where) {
  const std::vector<std::int64_t> all = numbers<std::int64_t>(metadata, key, where);
  if (all.size() > 1 || (!all.empty() && (all[0] < 0 || all[0] > (std::int64_t{1} << 31) - 1)))
    fail(where, key, "one number that is not negative");
  return all.empty() ? 0 : all[0];
}

std::string text(const Metadata& metadata, const std::string& key) {
  const auto entry = metadata.find(key);
  return entry == metadata.end() ? std::string() : entry->second;
}

// The shortest text that reads back as the same float.
std::string list_text(const std::vector<float>& values) {
  std::string result;
  for (const float value : values) result += fmt::format("{}{}", result.empty() ? "" : " ", value);
  return result;
}

}  // namespace

Metadata to_metadata(const ModelInfo& info) {
  Metadata result{{"hush_version", std::to_string(kFormatVersion)},
                  {"revision", std::string(git_revision())},
                  {"epoch", std::to_string(info.epoch)}};
  if (!info.model.empty()) result["model"] = info.model;
  if (!info.dataset.empty()) result["dataset"] = info.dataset;
  if (info.classes > 0) result["classes"] = std::to_string(info.classes);
  if (info.image.rank() == 4)
    result["image"] = fmt::format("{} {} {}", info.image[1], info.image[2], info.image[3]);
  if (!info.mean.empty()) result["mean"] = list_text(info.mean);
  if (!info.std.empty()) result["std"] = list_text(info.std);
  if (!info.class_names.empty())
    result["class_names"] = fmt::format("{}", fmt::join(info.class_names, "\n"));
  if (!info.replacement.empty()) {
    result["replacement"] = info.replacement;
    result["budget"] = std::to_string(info.budget);
  }
  if (!info.activation.empty()) result["activation"] = info.activation;
  for (const auto& [name, value] : info.options) result[std::string(kOptionPrefix) + name] = value;
  return result;
}

ModelInfo from_metadata(const Metadata& metadata, const std::string& where) {
  const std::int64_t version = one_number(metadata, "hush_version", where);
  if (version > kFormatVersion)
    throw FileError(
        fmt::format("{}: written in format {}, this program reads up to {}; use a newer "
                    "program",
                    where, version, kFormatVersion));
  ModelInfo info;
  info.model = text(metadata, "model");
  info.dataset = text(metadata, "dataset");
  info.revision = text(metadata, "revision");
  info.classes = int(one_number(metadata, "classes", where));
  info.epoch = one_number(metadata, "epoch", where);
  info.replacement = text(metadata, "replacement");
  info.budget = one_number(metadata, "budget", where);
  info.activation = text(metadata, "activation");
  const std::vector<std::int64_t> extents = numbers<std::int64_t>(metadata, "image", where);
  for (const std::int64_t extent : extents)
    if (extents.size() != 3 || extent < 1 || extent > kMaxExtent)
      fail(where, "image", "height, width and channels");
  if (!extents.empty()) info.image = {1, extents[0], extents[1], extents[2]};
  info.mean = numbers<float>(metadata, "mean", where);
  info.std = numbers<float>(metadata, "std", where);
  for (const float value : info.mean)
    if (!std::isfinite(value)) fail(where, "mean", "a list of finite numbers");
  for (const float value : info.std)
    if (!std::isfinite(value) || value <= 0) fail(where, "std", "a list of positive numbers");
  std::istringstream names(text(metadata, "class_names"));
  for (std::string name; std::getline(names, name);) info.class_names.push_back(name);
  if (!info.class_names.empty() && info.class_names.size() != std::size_t(info.classes))
    fail(where, "class_names", "a name for each class");
  for (const auto& [key, value] : metadata)
    if (key.starts_with(kOptionPrefix)) info.options[key.substr(kOptionPrefix.size())] = value;
  return info;
}

Graph make_network(const ModelInfo& info, std::uint64_t seed) {
  const Graph graph =
      with_activation(make_model(info.model, info.classes, info.image, seed), info.activation);
  return info.replacement.empty() ? graph : replace_relus(graph, false);
}

}  // namespace hush::nn
