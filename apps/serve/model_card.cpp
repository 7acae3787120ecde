#include "apps/serve/model_card.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace hush::apps {
namespace {

constexpr std::int64_t kMaxPixels = 1 << 22;  // values of an image that a client would prepare
constexpr int kMaxClasses = 1 << 16;

void check(bool fine, const char* what) {
  if (!fine) throw FileError(fmt::format("the servers describe their model wrongly: {}", what));
}

}  // namespace

std::string ModelCard::text() const {
  return nlohmann::json({{"name", name},
                         {"info", nn::to_metadata(info)},
                         {"image_bits", image_bits},
                         {"result_bits", result_bits},
                         {"result_factor", result_factor},
                         {"most_images", most_images},
                         {"identity", identity}})
      .dump();
}

ModelCard ModelCard::parse(const std::string& text) {
  ModelCard card;
  try {
    const auto json = nlohmann::json::parse(text);
    json.at("name").get_to(card.name);
    card.info = nn::from_metadata(json.at("info").get<nn::Metadata>(), "the servers' model");
    json.at("image_bits").get_to(card.image_bits);
    json.at("result_bits").get_to(card.result_bits);
    json.at("result_factor").get_to(card.result_factor);
    json.at("most_images").get_to(card.most_images);
    json.at("identity").get_to(card.identity);
  } catch (const nlohmann::json::exception& error) {
    check(false, error.what());
  }
  const nn::ModelInfo& info = card.info;
  check(info.image.rank() == 4 && info.image.elements() <= kMaxPixels, "images");
  check(info.classes > 0 && info.classes <= kMaxClasses, "classes");
  check(info.mean.size() == std::size_t(info.image[3]) && info.std.size() == info.mean.size(),
        "normalisation");
  check(card.image_bits >= 0 && card.image_bits <= 40, "fraction bits of images");
  check(card.result_bits >= 0 && card.result_bits <= 62, "fraction bits of results");
  check(std::isfinite(card.result_factor) && card.result_factor > 0, "scale of results");
  check(card.most_images >= 1 && card.most_images <= 64, "images per request");
  return card;
}

}  // namespace hush::apps
