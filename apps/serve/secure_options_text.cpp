#include "apps/serve/secure_options_text.h"

#include <fmt/format.h>

#include <map>
#include <sstream>

namespace hush::apps {
namespace {

constexpr std::pair<const char*, int mpc::SecureOptions::*> kNumbers[] = {
    {"range_bits", &mpc::SecureOptions::range_bits},
    {"fraction_bits", &mpc::SecureOptions::fraction_bits},
    {"square_bits", &mpc::SecureOptions::square_bits},
    {"coefficient_bits", &mpc::SecureOptions::coefficient_bits},
    {"most_weight_bits", &mpc::SecureOptions::most_weight_bits},
    {"least_weight_bits", &mpc::SecureOptions::least_weight_bits}};

}  // namespace

std::string secure_options_text(const mpc::SecureOptions& options) {
  std::string text =
      fmt::format("weights {} relu {}", mpc::name_of(options.weights), mpc::name_of(options.relu));
  for (const auto& [name, member] : kNumbers) text += fmt::format(" {} {}", name, options.*member);
  return text;
}

mpc::SecureOptions parse_secure_options(const std::string& text, const std::string& where) {
  std::map<std::string, std::string> words;
  std::istringstream in(text);
  for (std::string key, value; in >> key >> value;) words[key] = value;
  mpc::SecureOptions options;
  try {
    options.weights = mpc::parse_weight_mode(words.at("weights"));
    options.relu = mpc::parse_relu_method(words.at("relu"));
    for (const auto& [name, member] : kNumbers) options.*member = std::stoi(words.at(name));
    options.check();
  } catch (const std::exception& error) {
    throw FileError(fmt::format("{}: its options \"{}\" are not of this release: {}", where, text,
                                error.what()));
  }
  return options;
}

}  // namespace hush::apps
