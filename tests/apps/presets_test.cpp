// Presets: what they stand for, and how options given besides go before them.
#include "apps/presets/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "tests/apps/run_program.h"

namespace hush::apps {
namespace {

using testing::HasSubstr;

// The command line after the preset was put in, without the program's name.
std::vector<std::string> expanded(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  PresetArguments result(program, int(pointers.size()), pointers.data());
  return {result.argv() + 1, result.argv() + result.argc()};
}

// The value behind an option, "" if it is not there, and a failure if it is there twice.
std::string value_of(const std::vector<std::string>& arguments, const std::string& option) {
  std::string value;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != option) continue;
    EXPECT_EQ(value, "") << option << " twice";
    value = i + 1 < arguments.size() ? arguments[i + 1] : "nothing";
  }
  return value;
}

TEST(Presets, EveryRowOfThePaperIsThere) {
  std::set<std::string> names;
  int starts = 0, rows = 0;
  for (const Preset& preset : presets()) {
    EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
    EXPECT_TRUE(preset.name.starts_with("paper/"));
    EXPECT_GT(preset.accuracy, 50);
    (preset.program == "autorep" ? rows : starts) += 1;
  }
  EXPECT_EQ(starts, 7);
  EXPECT_EQ(rows, 19);
}

TEST(Presets, StandForTheirOptions) {
  const auto line = expanded("autorep", {"--preset", "paper/cifar100-resnet18-12.9k", "--resume"});
  EXPECT_EQ(value_of(line, "--dataset"), "cifar100");
  EXPECT_EQ(value_of(line, "--model"), "resnet18");
  EXPECT_EQ(value_of(line, "--budget"), "12900");
  EXPECT_EQ(value_of(line, "--epochs"), "150");
  EXPECT_EQ(value_of(line, "--preset"), "");
  EXPECT_EQ(line.back(), "--resume");
  EXPECT_EQ(
      value_of(expanded("autorep", {"--preset=paper/imagenet-efficientnet-b2-50k"}), "--budget"),
      "50000");
}

TEST(Presets, GivenOptionsGoBefore) {
  const auto line = expanded(
      "autorep", {"--epochs", "3", "--preset", "paper/cifar10-resnet18-12.9k", "--budget=500"});
  EXPECT_EQ(value_of(line, "--epochs"), "3");
  EXPECT_EQ(value_of(line, "--budget"), "");
  EXPECT_EQ(value_of(line, "--mu"), "140");
}

TEST(Presets, UnknownNamesAreAnError) {
  EXPECT_THROW(expanded("pretrain", {"--preset", "paper/cifar100-resnet18-6k"}), ArgumentError);
  EXPECT_THROW(expanded("autorep", {"--preset"}), ArgumentError);
  EXPECT_EQ(expanded("autorep", {"--budget", "5"}), (std::vector<std::string>{"--budget", "5"}));
}

// The programs take every option that a preset has; what fails is the data, which is not there.
TEST(Presets, ProgramsKnowTheirOptions) {
  const test::TemporaryFolder folder;
  for (const Preset& preset : presets()) {
    const auto result = test::run_program(
        preset.program, {"--preset", preset.name, "--from", folder / "none.safetensors", "--data",
                         folder / "none", "--out", folder / "out.safetensors"});
    EXPECT_EQ(result.status, 1) << preset.name;
    EXPECT_THAT(result.last_error_line(), HasSubstr(folder / "none")) << preset.name;
  }
  const auto list = test::run_program("autorep", {"--list-presets"});
  EXPECT_EQ(list.status, 0);
  EXPECT_THAT(list.output, HasSubstr("paper/tiny-imagenet-wrn-22-8-300k"));
  EXPECT_THAT(list.output, HasSubstr("67.04"));
  EXPECT_THAT(list.output, testing::Not(HasSubstr("--schedule")));
}

}  // namespace
}  // namespace hush::apps
