// The report program: what it draws from metrics files, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/apps/run_program.h"

namespace hush::test {
namespace {

using ::testing::HasSubstr;

class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("gnuplot --version > /dev/null 2>&1") != 0)
      GTEST_SKIP() << "gnuplot is missing; on Debian: apt-get install gnuplot-nox";
  }

  // The metrics of a finished run of two epochs over two layers.
  void write_run(const std::string& name, const std::string& mu, double accuracy) {
    std::ofstream file(folder_ / name);
    file
        << R"({"run":"autorep","model":"resnet8","dataset":"cifar10","options":{"method":"autorep",)"
        << R"("poly":"dapa2","th":"0.003","budget":"1000","epochs":"2","seed":"0","mu":")" << mu
        << R"("},"start_accuracy":0.9,"total_relus":3000,"layers":[{"layer":"relu","relus":2000},)"
        << R"({"layer":"<b>","relus":1000}]})"
        << "\n"
        << R"({"polynomials":[{"layer":"relu","dapa2":0.2,"dapa1":0.3,"identity":1,"square":2,)"
        << R"("square+x":3},{"layer":"<b>","dapa2":0.1,"dapa1":0.4,"identity":1,"square":2,)"
        << R"("square+x":3}]})"
        << "\n"
        << R"({"epoch":1,"relus":1500,"flips":1700,"test_accuracy":0.5,"relus_by_layer":[1000,500]})"
        << "\n"
        << R"({"epoch":2,"relus":1000,"flips":540,"test_accuracy":)" << accuracy
        << R"(,"relus_by_layer":[600,400]})"
        << "\n"
        << R"({"result":"m.safetensors","relus":1000,"budget":1000})"
        << "\n";
  }

  const TemporaryFolder folder_;
};

TEST_F(ReportTest, DrawsAPlotForEachQuestion) {
  write_run("a.jsonl", "140", 0.8125);
  write_run("b.jsonl", "280", 0.7875);
  const ProgramResult result =
      run_program("report", {folder_.path().string(), "--out", folder_ / "page"});
  ASSERT_EQ(result.status, 0) << result.error;
  const std::string page = read_file(folder_ / "page/index.html");
  EXPECT_THAT(page, HasSubstr("81.25"));
  EXPECT_THAT(page, HasSubstr("<td>2240</td>"));  // flips of both epochs
  for (const std::string name : {"accuracy-cifar10", "layers", "flips", "mu", "polynomials"}) {
    EXPECT_THAT(page, HasSubstr(name + ".svg"));
    EXPECT_THAT(read_file(folder_ / ("page/" + name + ".svg")), HasSubstr("</svg>")) << name;
    EXPECT_THAT(read_file(folder_ / ("page/" + name + ".png")), HasSubstr("PNG")) << name;
  }
  const std::string script = read_file(folder_ / "page/accuracy-cifar10.gp");
  EXPECT_THAT(script, HasSubstr("1 81.25"));
  EXPECT_THAT(script, HasSubstr("12.9 94.31"));  // the paper's
  EXPECT_THAT(read_file(folder_ / "page/layers.gp"), HasSubstr("0 30\n1 40\n"));
  const std::string flips = read_file(folder_ / "page/flips.gp");
  EXPECT_THAT(flips, HasSubstr("1 1701\n2 541\n"));  // of one run: another mu, another curve
  EXPECT_THAT(flips, HasSubstr("mu 280"));
}

TEST_F(ReportTest, PlotsASweepOfPrivateInferenceBesideThePaper) {
  std::ofstream file(folder_ / "sweep.jsonl");
  for (const auto& [relus, seconds] : {std::pair{12900, 0.03}, std::pair{0, 0.02}})
    file << R"({"program":"pi_bench","model":"resnet18","relus":)" << relus
         << R"(,"options":"weights shared relu dcf range 14","batch":1,"offline_seconds":0.1,)"
         << R"("networks":[{"name":"lan","online_median":)" << seconds
         << R"(,"rounds":34,"bytes_party0":8580000}]})"
         << "\n";
  file.close();
  const ProgramResult result =
      run_program("report", {folder_.path().string(), "--out", folder_ / "page"});
  ASSERT_EQ(result.status, 0) << result.error;
  const std::string page = read_file(folder_ / "page/index.html");
  EXPECT_THAT(page, HasSubstr("latency-lan.svg"));
  EXPECT_THAT(page, HasSubstr("<td>30.0</td><td>34</td><td>8.58</td><td>100.0</td>"));
  EXPECT_THAT(read_file(folder_ / "page/latency-lan.png"), HasSubstr("PNG"));
  const std::string script = read_file(folder_ / "page/latency-lan.gp");
  EXPECT_THAT(script, HasSubstr("0 20\n12.9 30\n"));  // in the order of ReLUs
  EXPECT_THAT(script, HasSubstr("12.9 170"));         // the paper's
}

TEST_F(ReportTest, PassesOverOtherMetricsAndSaysWhenNothingIsLeft) {
  std::ofstream(folder_ / "p.jsonl") << R"({"run":"pretrain"})"
                                     << "\n";
  const ProgramResult result = run_program("report", {folder_.path().string()});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.last_error_line(), HasSubstr("./apps/autorep"));
}

TEST_F(ReportTest, RefusesAFolderThatIsNotThereAndDamagedMetrics) {
  EXPECT_THAT(run_program("report", {folder_ / "nowhere"}).last_error_line(),
              HasSubstr("no such file"));
  std::ofstream(folder_ / "p.jsonl") << R"({"run":"autorep","options":{"budget":"many"}})"
                                     << "\n";
  const ProgramResult result = run_program("report", {folder_.path().string()});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.last_error_line(), HasSubstr("p.jsonl"));
}

TEST(ReportWithoutGnuplot, SaysWhatToInstall) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  const ProgramResult result = run_program("report", {"runs"});
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.last_error_line(), HasSubstr("gnuplot-nox"));
}

}  // namespace
}  // namespace hush::test
