#include "apps/presets/presets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "core/error.h"

namespace hush::apps {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

// Whether `arguments` has the option, as "--name value" or "--name=value".
bool gives(const std::vector<std::string>& arguments, const std::string& option) {
  return std::ranges::any_of(arguments, [&](const std::string& argument) {
    return argument == option || argument.starts_with(option + "=");
  });
}

const Preset& find_preset(const std::string& program, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Preset& preset : presets()) {
    if (preset.program != program) continue;
    if (preset.name == name) return preset;
    names.push_back(preset.name);
  }
  throw ArgumentError(
      fmt::format("no preset '{}'; --list-presets shows {}", name, fmt::join(names, ", ")));
}

// The preset's options that are not among `given`.
std::vector<std::string> options_besides(const Preset& preset,
                                         const std::vector<std::string>& given) {
  std::vector<std::string> result;
  bool wanted = false;
  for (const std::string& word : words(preset.options)) {
    if (word.starts_with("--")) wanted = !gives(given, word);
    if (wanted) result.push_back(word);
  }
  return result;
}

// The value of --preset, which is taken out of the arguments; empty if it is not given.
std::string take_preset(std::vector<std::string>& arguments) {
  constexpr std::string_view kOption = "--preset";
  for (auto at = arguments.begin(); at != arguments.end(); ++at) {
    if (at->starts_with("--preset=")) {
      std::string name = at->substr(kOption.size() + 1);
      arguments.erase(at);
      return name;
    }
    if (*at != kOption) continue;
    require(at + 1 != arguments.end(), "--preset needs a name; --list-presets shows them");
    std::string name = *(at + 1);
    arguments.erase(at, at + 2);
    return name;
  }
  return {};
}

std::string list_presets(const std::string& program) {
  std::string result =
      fmt::format("{:38} {:>10} {:>9}  options\n", "preset", "published %", "seconds");
  for (const Preset& preset : presets())
    if (preset.program == program)
      result += fmt::format("{:38} {:10.2f} {:>10}  {}\n", preset.name, preset.accuracy,
                            preset.latency > 0 ? fmt::format("{:.3f}", preset.latency) : "-",
                            preset.options);
  return result;
}

}  // namespace

PresetArguments::PresetArguments(const std::string& program, int argc, char** argv)
    : arguments_(argv, argv + argc) {
  if (gives(arguments_, "--list-presets")) listing_ = list_presets(program);
  if (const std::string name = take_preset(arguments_); !name.empty()) {
    const std::vector<std::string> added = options_besides(find_preset(program, name), arguments_);
    arguments_.insert(arguments_.begin() + 1, added.begin(), added.end());
  }
  for (std::string& argument : arguments_) pointers_.push_back(argument.data());
}

void PresetArguments::describe(CLI::App& app) {
  app.add_option("--preset", "the options of a named recipe; others given go before them");
  app.add_flag_callback(
      "--list-presets", [] {}, "show these recipes with the paper's results");
}

}  // namespace hush::apps
