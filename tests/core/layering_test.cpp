// Who may see whom (DESIGN.md): reads the includes of every source file.
//
//   core sees nothing but itself; nn, mpc, data, cuda and parallel see core but not each other;
//   apps and tests see all. Nobody outside core sees the CPU backend's insides.
//   mpc draws secrets, so the reproducible generator (core/random.h) must not reach it, not even
//   through another header.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace hush {
namespace {

namespace fs = std::filesystem;

fs::path source_root() {
  return fs::current_path();  // as ctest sets it
}

// Included files by including file, as paths from the root; only those of the project.
std::map<std::string, std::set<std::string>> project_includes() {
  const std::set<std::string> suffixes{".h", ".cpp", ".cu", ".cuh"};
  const std::regex include(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
  std::map<std::string, std::set<std::string>> result;
  for (const char* folder : {"core", "nn", "mpc", "data", "cuda", "parallel", "apps"}) {
    if (!fs::exists(source_root() / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(source_root() / folder)) {
      if (!suffixes.contains(entry.path().extension().string())) continue;
      auto& included = result[fs::relative(entry.path(), source_root()).generic_string()];
      std::ifstream file(entry.path());
      std::smatch match;
      for (std::string line; std::getline(file, line);)
        if (std::regex_search(line, match, include) && fs::exists(source_root() / match[1].str()))
          included.insert(match[1]);
    }
  }
  return result;
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

TEST(LayeringTest, FoldersSeeOnlyWhatTheyMay) {
  const std::map<std::string, std::set<std::string>> may_see{
      {"core", {"core"}},         {"nn", {"core", "nn"}},     {"mpc", {"core", "mpc"}},
      {"data", {"core", "data"}}, {"cuda", {"core", "cuda"}}, {"parallel", {"core", "parallel"}}};
  std::map<std::string, int> links;
  for (const auto& [file, included] : project_includes()) {
    const auto rule = may_see.find(folder_of(file));
    for (const std::string& other : included) {
      ++links[folder_of(file)];
      if (rule != may_see.end()) {
        EXPECT_TRUE(rule->second.contains(folder_of(other))) << file << " includes " << other;
      }
      EXPECT_NE(folder_of(other), "tests") << file << " includes " << other;
    }
  }
  for (const char* folder : {"core", "nn", "mpc", "data", "parallel"})
    EXPECT_GT(links[folder], 10) << folder << " was not read: this test would see nothing";
}

TEST(LayeringTest, TheCpuBackendIsSeenByCoreAlone) {
  for (const auto& [file, included] : project_includes())
    for (const std::string& other : included)
      EXPECT_FALSE(other.starts_with("core/cpu/") && folder_of(file) != "core")
          << file << " includes " << other;
}

TEST(LayeringTest, RoomsOfMpcSeeOnlyTheRoomsBeforeThem) {
  const std::map<std::string, std::vector<std::string>> must_not_see{
      {"mpc/channel/", {"mpc/ot/", "mpc/offline/", "mpc/online/", "core/tensor", "core/graph"}},
      {"mpc/ot/", {"mpc/offline/", "mpc/online/", "core/tensor", "core/graph"}},
      {"mpc/offline/", {"mpc/online/"}}};
  for (const auto& [file, included] : project_includes())
    for (const auto& [room, others] : must_not_see)
      for (const std::string& other : others)
        for (const std::string& path : included)
          EXPECT_FALSE(file.starts_with(room) && path.starts_with(other))
              << file << " includes " << path;
}

TEST(LayeringTest, ReproducibleRandomNumbersNeverReachMpc) {
  const auto includes = project_includes();
  ASSERT_TRUE(includes.contains("core/random.h"));
  for (const auto& [file, included] : includes) {
    if (folder_of(file) != "mpc") continue;
    std::set<std::string> reached;
    std::vector<std::string> open(included.begin(), included.end());
    while (!open.empty()) {
      const std::string next = open.back();
      open.pop_back();
      if (!reached.insert(next).second) continue;
      if (const auto more = includes.find(next); more != includes.end())
        open.insert(open.end(), more->second.begin(), more->second.end());
    }
    EXPECT_FALSE(reached.contains("core/random.h")) << file << " reaches core/random.h";
  }
}

}  // namespace
}  // namespace hush
