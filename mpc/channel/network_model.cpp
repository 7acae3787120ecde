#include "mpc/channel/network_model.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace hush::mpc {
namespace {

using Unit = std::pair<std::string_view, double>;
constexpr std::array<Unit, 3> kTimeUnits{{{"s", 1.0}, {"ms", 1e-3}, {"us", 1e-6}}};
constexpr std::array<Unit, 4> kRateUnits{
    {{"bit", 1.0 / 8}, {"kbit", 1e3 / 8}, {"Mbit", 1e6 / 8}, {"Gbit", 1e9 / 8}}};

// Number and unit, in SI; -1 if malformed.
double parse_quantity(std::string_view text, std::span<const Unit> units) {
  double number = -1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || !std::isfinite(number)) return -1;
  const std::string_view name(stop, static_cast<std::size_t>(end - stop));
  for (const Unit& unit : units)
    if (unit.first == name) return number * unit.second;
  return -1;
}

}  // namespace

std::optional<NetworkModel> parse_network(const std::string& text) {
  if (text == "loopback") return std::nullopt;
  if (text == "lan") return NetworkModel{1e-4, 1e9};
  if (text == "wan") return NetworkModel{40e-3, 1e8 / 8};
  const std::size_t comma = text.find(',');
  const std::string_view all(text);
  const double round_trip =
      comma == std::string::npos ? -1 : parse_quantity(all.substr(0, comma), kTimeUnits);
  const double rate =
      comma == std::string::npos ? -1 : parse_quantity(all.substr(comma + 1), kRateUnits);
  // An hour and a bit per second bound what the clock arithmetic has to bear.
  require(round_trip >= 0 && round_trip <= 3600 && rate >= 0.125 && rate <= 1e12,
          "network \"{}\" is none of loopback, lan, wan, or RTT,BANDWIDTH such as 20ms,500Mbit",
          text);
  return NetworkModel{round_trip / 2, rate};
}

std::string NetworkModel::text() const {
  return fmt::format("emulated network: {:g} ms one way, {:g} Mbit/s", one_way_seconds * 1e3,
                     bytes_per_second * 8e-6);
}

}  // namespace hush::mpc
