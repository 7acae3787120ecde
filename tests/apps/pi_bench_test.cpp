// Private inference end to end, and the microbenchmark of its protocols, over every transport and
// with every provider. The program itself compares traffic with what was predicted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/apps/run_program.h"

namespace hush::test {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> lines;
  std::istringstream text(read_file(path));
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<std::string> small(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"--ops", "--sizes",  "100", "--transfers",
                                        "16384", "--repeat", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// The program itself checks results and traffic of every row.
TEST(PiBenchTest, RunsEverythingOverEveryTransport) {
  for (const char* transport : {"memory", "tcp", "tls"}) {
    const TemporaryFolder folder;
    const ProgramResult result =
        run_program("pi_bench", small({"--transport", transport, "--json", folder / "rows.jsonl"}));
    ASSERT_EQ(result.status, 0) << transport << ": " << result.error;
    const std::vector<Json> lines = lines_of(folder / "rows.jsonl");
    EXPECT_EQ(lines.at(0).at("transport"), transport);
    std::set<std::string> groups;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      groups.insert(lines[i].at("group"));
      EXPECT_GT(lines[i].at("seconds").get<double>(), 0);
      EXPECT_GT(lines[i].at("bytes_a_party").get<double>(), 0);
      if (lines[i].at("name") == "dcf 100") {
        EXPECT_EQ(lines[i].at("bytes_a_party"), 800);
        EXPECT_EQ(lines[i].at("rounds"), 1);
        EXPECT_EQ(lines[i].at("offline"), "dealer");
      }
    }
    EXPECT_EQ(groups, (std::set<std::string>{"ot", "triples", "relu", "drelu", "square", "conv"}));
  }
}

TEST(PiBenchTest, WorksWithoutADealer) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(
      "pi_bench",
      small({"--provider", "ot", "--groups", "relu,square,conv", "--json", folder / "rows.jsonl"}));
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("use a dealer"));
  EXPECT_THAT(result.output, HasSubstr("confirm with --yes-really")) << "its convolutions";
  int run = 0;
  for (const Json& line : lines_of(folder / "rows.jsonl")) run += int(line.contains("seconds"));
  EXPECT_EQ(run, 3) << "a2b, carry and squares";
}

TEST(PiBenchTest, EmulatesANetwork) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(
      "pi_bench",
      small({"--net", "20ms,1Gbit", "--groups", "square", "--json", folder / "rows.jsonl"}));
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("emulated"));
  EXPECT_GE(lines_of(folder / "rows.jsonl").at(1).at("seconds").get<double>(), 0.01);
}

TEST(PiBenchTest, RefusesWhatItCannotDo) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "--ops"},
      {small({"--groups", "relus"}), "relus"},
      {small({"--net", "fast"}), "fast"},
      {small({"--provider", "nobody"}), "nobody"},
      {small({"--groups", "square", "--json", "/nowhere/rows.jsonl"}), "/nowhere/rows.jsonl"}};
  for (const auto& [arguments, word] : cases) {
    const ProgramResult result = run_program("pi_bench", arguments);
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.last_error_line(), HasSubstr(word));
  }
}

std::vector<std::string> parties(const std::string& model, std::vector<std::string> more) {
  std::vector<std::string> arguments = {"--parties", "2", "--model", model, "--data", "/nowhere"};
  if (std::ranges::find(more, "--images") == more.end())
    arguments.insert(arguments.end(), {"--images", "3"});
  if (std::ranges::find(more, "--net") == more.end())
    arguments.insert(arguments.end(), {"--net", "loopback"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(PiBenchPartiesTest, AgreesWithTheClearWhateverIsChosen) {
  const std::vector<std::string> choices[] = {
      {},
      {"--batch", "2", "--relu", "carry"},
      {"--weights", "owner", "--relu", "dcf-select", "--provider", "client"},
      {"--weights", "public", "--relu", "a2b", "--transport", "tls"},
      {"--weights", "public", "--provider", "ot", "--images", "1", "--budget", "0"},
      {"--transport", "memory", "--budget", "1000"},
      {"--spool", testing::TempDir()}};
  for (const auto& choice : choices) {
    const TemporaryFolder folder;
    auto arguments = parties("resnet8", choice);
    arguments.insert(arguments.end(), {"--json", folder / "run.jsonl"});
    const ProgramResult result = run_program("pi_bench", arguments);
    ASSERT_EQ(result.status, 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr("noise images"));
    const Json line = lines_of(folder / "run.jsonl").at(0);
    EXPECT_EQ(line.at("agree"), line.at("images"));
    EXPECT_LT(line.at("largest_logit_error").get<double>(), 0.1);
    EXPECT_EQ(line.at("catastrophic"), 0);
    EXPECT_GT(line.at("networks").at(0).at("online_median").get<double>(), 0);
  }
}

// As AutoReP has it, an untrained EfficientNet comes with ReLUs.
TEST(PiBenchPartiesTest, PutsReluInThePlaceOfSilu) {
  const std::pair<std::vector<std::string>, const char*> choices[] = {
      {{"--budget", "500"}, "500 ReLUs and 125544 polynomials"},
      {{"--act", "relu", "--budget", "0"}, "0 ReLUs and 126044 polynomials"},
      {{"--act", "silu"}, "0 ReLUs and 0 polynomials"}};
  for (const auto& [choice, counts] : choices) {
    const ProgramResult result = run_program("pi_bench", parties("efficientnet-b0", choice));
    ASSERT_EQ(result.status, 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr(counts));
    EXPECT_THAT(result.output, HasSubstr(" 0 catastrophic"));
  }
}

TEST(PiBenchPartiesTest, EmulatedNetworksTakeTheirTime) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(
      "pi_bench",
      parties("resnet8", {"--net", "loopback", "20ms,1Gbit", "--json", folder / "run.jsonl"}));
  ASSERT_EQ(result.status, 0) << result.error;
  const Json networks = lines_of(folder / "run.jsonl").at(0).at("networks");
  ASSERT_EQ(networks.size(), 2u);
  EXPECT_EQ(networks[0].at("emulated"), "");
  EXPECT_THAT(networks[1].at("emulated").get<std::string>(), HasSubstr("emulated"));
  // Ten milliseconds one way, each round.
  EXPECT_GE(networks[1].at("online_best").get<double>(),
            0.01 * networks[1].at("rounds").get<double>());
}

// A sweep that is started again runs what its file does not have.
TEST(PiBenchPartiesTest, ASweepGoesOnWhereItsFileEnds) {
  const TemporaryFolder folder;
  const auto arguments =
      parties("resnet8", {"--images", "1", "--sweep", "--json", folder / "sweep.jsonl"});
  const ProgramResult first = run_program("pi_bench", arguments);
  ASSERT_EQ(first.status, 0) << first.error;
  const auto lines = lines_of(folder / "sweep.jsonl");
  ASSERT_GE(lines.size(), 4u);
  EXPECT_EQ(lines.front().at("relus"), 0);
  EXPECT_EQ(lines.back().at("polynomials"), 0);
  const ProgramResult second = run_program("pi_bench", arguments);
  ASSERT_EQ(second.status, 0) << second.error;
  EXPECT_THAT(second.output, HasSubstr("already"));
  EXPECT_THAT(second.output, HasSubstr("sweep")) << "the table of all points";
  EXPECT_EQ(lines_of(folder / "sweep.jsonl").size(), lines.size());
}

// The debug mode: every layer that opens a sum, shares against the clear.
TEST(PiBenchPartiesTest, ComparesWhatEachLayerWorksOn) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(
      "pi_bench", parties("resnet8", {"--check-range", "--json", folder / "run.jsonl"}));
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("range: values reach"));
  const Json layers = lines_of(folder / "run.jsonl").at(0).at("range").at("layers");
  ASSERT_EQ(layers.size(), 9u) << "7 activations, a truncation, the logits";
  for (const Json& layer : layers) {
    EXPECT_EQ(layer.at("beyond"), 0);
    if (layer.at("step") == "logits") continue;
    EXPECT_EQ(layer.at("beyond_on_shares"), 0);
    EXPECT_NEAR(layer.at("largest_on_shares").get<double>(), layer.at("largest").get<double>(),
                0.05);
    EXPECT_LT(layer.at("largest_error").get<double>(), 0.05);
  }
}

TEST(PiBenchPartiesTest, RefusesWhatItCannotDo) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--parties", "3"}, "--parties"},
      {{"--parties", "2", "--model", "nonsense"}, "nonsense"},
      {{"--parties", "2", "--model", "resnet8", "--provider", "ot", "--relu", "dcf"}, "dealer"},
      {{"--parties", "2", "--model", "resnet18", "--provider", "ot"}, "--yes-really"},
      {{"--parties", "2", "--model", "resnet8", "--range-bits", "2"}, "range bits"},
      {{"--parties", "2", "--model", "resnet8", "--net", "fast"}, "fast"},
      {{"--parties", "2", "--model", "resnet8", "--device", "cuda"}, "--device cpu"},
      {{"--ops", "--device", "cuda"}, "--device cpu"},
      {{"--parties", "2", "--model", "resnet8", "--sweep"}, "--json"},
      {{"--parties", "2", "--model", "resnet8", "--spool", "/no/such/folder"}, "/no/such/folder"},
      {{"--parties", "2", "--model", "efficientnet-b0", "--act", "silu", "--budget", "9"}, "silu"},
      {{"--ops", "--parties", "2"}, "--parties"}};
  for (const auto& [arguments, word] : cases) {
    const ProgramResult result = run_program("pi_bench", arguments);
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.last_error_line(), HasSubstr(word));
  }
}

}  // namespace
}  // namespace hush::test
