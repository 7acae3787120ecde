// The smaller programs: what they print, and what they refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/apps/run_program.h"

namespace hush::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* kWeights = "datasets/resnet20_cifar10.safetensors";

bool have_weights() {
  return std::filesystem::exists(kWeights);
}

bool have_cifar10() {
  return std::filesystem::exists("datasets/cifar-10-batches-bin/test_batch.bin");
}

TEST(InspectTest, CountsTheLayersOfAModel) {
  const ProgramResult result = run_program("inspect", {"--model", "resnet18"});
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("11173962 parameters, 555422720 MACs, 491520 ReLUs"));
  EXPECT_THAT(result.output, HasSubstr("layer3.0.conv1"));
}

TEST(InspectTest, UnknownModelListsTheOnesThereAre) {
  const ProgramResult result = run_program("inspect", {"--model", "resnet19"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.last_error_line(), HasSubstr("resnet18"));
}

TEST(InspectTest, NothingToInspect) {
  const ProgramResult result = run_program("inspect", {});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.last_error_line(), HasSubstr("--weights"));
}

TEST(EvaluateTest, GivesThePublishedAccuracyAndLogits) {
  if (!have_weights() || !have_cifar10())
    GTEST_SKIP() << "needs CIFAR-10 and " << kWeights << ": make datasets FROM=DIR";
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program("evaluate", {"--model", "resnet20", "--weights", kWeights, "--dataset", "cifar10",
                               "--logits", folder / "logits.csv"});
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("top-1 91.70 %"));
  std::ifstream file(folder / "logits.csv");
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line.substr(0, 19), "image,label,logit0,");
  std::getline(file, line);
  // As PyTorch 1.13 computes them for the first test image.
  const double expected[] = {-7.6271, -3.4696, 1.1798,  -6.967,  5.2276,
                             -4.851,  27.8576, -5.6737, -2.1015, -3.482};
  std::istringstream cells(line);
  std::string cell;
  std::getline(cells, cell, ',');
  std::getline(cells, cell, ',');
  for (const double logit : expected) {
    ASSERT_TRUE(std::getline(cells, cell, ','));
    EXPECT_NEAR(std::stod(cell), logit, 2e-4);
  }
}

TEST(EvaluateTest, DatasetWithOtherClasses) {
  if (!have_weights() || !std::filesystem::exists("datasets/cifar-100-binary/test.bin"))
    GTEST_SKIP() << "needs CIFAR-100 and " << kWeights << ": make datasets FROM=DIR";
  const ProgramResult result =
      run_program("evaluate", {"--weights", kWeights, "--dataset", "cifar100"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.last_error_line(), HasSubstr("100"));
}

TEST(PredictTest, NamesWhatIsOnTestImages) {
  if (!have_weights() || !have_cifar10())
    GTEST_SKIP() << "needs CIFAR-10 and " << kWeights << ": make datasets FROM=DIR";
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program("predict", {"--weights", kWeights, "--dataset", "cifar10", "--from-test", "3",
                              "--sheet", folder / "sheet.png"});
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_THAT(result.output, HasSubstr("frog"));
  EXPECT_EQ(read_file(folder / "sheet.png").substr(1, 3), "PNG");
}

TEST(PredictTest, AFileThatIsNoImage) {
  if (!have_weights() || !have_cifar10())
    GTEST_SKIP() << "needs CIFAR-10 and " << kWeights << ": make datasets FROM=DIR";
  const TemporaryFolder folder;
  std::ofstream(folder / "text.png") << "not an image";
  const ProgramResult result =
      run_program("predict", {"--weights", kWeights, "--dataset", "cifar10", folder / "text.png"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.last_error_line(), HasSubstr("text.png"));
}

}  // namespace
}  // namespace hush::test
