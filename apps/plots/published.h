// Published accuracies at given numbers of ReLUs, for comparison in reports.
#pragma once

#include <span>
#include <string_view>

namespace hush::apps {

struct PublishedPoint {
  std::string_view dataset, series;
  double kilo_relus, accuracy;  // thousands; per cent
};

// Peng et al., "AutoReP", ICCV 2023, Table 1 and Figures 7 and 8, with the figures that they give
// for SNL, DeepReDuce, Sphynx and CryptoNAS.
std::span<const PublishedPoint> published_points();

}  // namespace hush::apps
