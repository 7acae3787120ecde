// The programs as an operator runs them: five processes over TLS, one of them killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "core/autograd.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "tests/apps/run_program.h"
#include "tests/serve/process.h"
#include "tests/serve/service_fixture.h"

namespace hush::apps::test {
namespace {

using hush::test::ProgramResult;
using hush::test::run_program;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr int kTestImages = 40;

// 4 clients ask so often each; the figure of the report needs 200.
int queries_per_client() {
  const char* const given = std::getenv("HUSH_SOAK_QUERIES");
  return given != nullptr ? std::stoi(given) : 25;
}

class Programs : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint16_t& port : ports_) port = free_port();
    hush::test::write_tiny_cifar10(folder_.path(), kTestImages);
    nn::ModelInfo info;
    info.model = "resnet8";
    info.dataset = "cifar10";
    info.classes = 10;
    info.image = {1, 32, 32, 3};
    info.mean = info.std = {0.5f, 0.5f, 0.5f};
    nn::save_model(folder_ / "small.safetensors", nn::make_model("resnet8", 10, info.image, 5),
                   info);
    expect_success("pi_certs", {folder_ / "certificates"});
    expect_success("pi_split", {"--weights", folder_ / "small.safetensors", "--out",
                                folder_ / "models", "--relu", "carry"});
  }

  void expect_success(const std::string& program, const std::vector<std::string>& arguments) {
    const ProgramResult result = run_program(program, arguments);
    ASSERT_EQ(result.status, 0) << program << ": " << result.error;
  }

  std::string at(int place) const {
    return fmt::format("127.0.0.1:{}", ports_[std::size_t(place)]);
  }

  std::unique_ptr<Process> dealer() {
    return std::make_unique<Process>(
        "pi_dealer",
        std::vector<std::string>{"--certificates", folder_ / "certificates", "--models",
                                 folder_ / "models/dealer", "--listen", at(2), "--batches", "1,4"},
        folder_ / "dealer.log");
  }
  std::vector<std::string> server_arguments(int party) const {
    const std::string name = fmt::format("party{}", party);
    return {"--party",        std::to_string(party),
            "--certificates", folder_ / "certificates",
            "--models",       folder_ / ("models/" + name),
            "--state",        folder_ / ("state/" + name),
            "--listen",       at(party),
            "--peer",         at(1 - party),
            "--dealer",       at(2),
            "--batches",      "1,4",
            "--stock",        "16",
            "--trace"};
  }
  std::unique_ptr<Process> server(int party) {
    return std::make_unique<Process>("pi_server", server_arguments(party),
                                     folder_ / fmt::format("server{}.log", party));
  }
  std::vector<std::string> client_arguments(const std::string& logits) const {
    return {"--server0",      at(0),
            "--server1",      at(1),
            "--certificates", folder_ / "certificates",
            "--data",         folder_.path().string(),
            "--logits",       logits,
            "--summary",      "--quiet"};
  }

  hush::test::TemporaryFolder folder_;
  std::array<std::uint16_t, 3> ports_{};
};

std::vector<std::vector<double>> rows_of(const std::string& csv) {
  std::vector<std::vector<double>> rows;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(std::stod(cell));
  }
  return rows;
}

void expect_equal(const std::string& got, const std::string& right, double tolerance) {
  const auto a = rows_of(got), b = rows_of(right);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].size(), b[i].size());
    for (std::size_t c = 2; c < a[i].size(); ++c)
      ASSERT_NEAR(a[i][c], b[i][c], tolerance) << "image " << i << " class " << c - 2;
  }
}

// Batches that a server burnt, from its log over all its lives: none may appear twice.
void expect_burnt_once(const std::string& log) {
  const std::regex line("burnt (batch [0-9]+ of (masks|deal) [0-9a-f]+, [0-9]+ images)");
  std::set<std::string> seen;
  for (auto it = std::sregex_iterator(log.begin(), log.end(), line); it != std::sregex_iterator();
       ++it)
    EXPECT_TRUE(seen.insert((*it)[1]).second) << "twice: " << (*it)[1];
  EXPECT_GT(seen.size(), 0u);
}

// Four clients go through the test images again and again, one server is killed in the middle.
TEST_F(Programs, KilledServerCostsRepeatsAndNeverAWrongAnswer) {
  const auto dealing = dealer();
  const auto first = server(0);
  auto second = server(1);
  expect_success("evaluate", {"--weights", folder_ / "small.safetensors", "--data",
                              folder_.path().string(), "--logits", folder_ / "right.csv"});
  ASSERT_TRUE(first->says("connected to party1", seconds(20))) << first->log();

  std::atomic<int> asked = 0;
  std::atomic<bool> failed = false;
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c)
    clients.emplace_back([&, c] {
      const std::string logits = folder_ / fmt::format("client{}.csv", c);
      for (int done = 0; done < queries_per_client() && !failed;) {
        std::vector<std::string> arguments = client_arguments(logits);
        const int images = std::min(kTestImages, queries_per_client() - done);
        arguments.insert(arguments.end(),
                         {"--request", c == 3 ? "4" : "1", "--from-test", std::to_string(images)});
        const ProgramResult result = run_program("pi_client", arguments);
        if (result.status != 0) failed = true;
        EXPECT_EQ(result.status, 0) << result.error;
        const std::string right = hush::test::read_file(folder_ / "right.csv");
        std::istringstream lines(right);
        std::string some, line;
        for (int i = 0; i <= images && std::getline(lines, line); ++i) some += line + "\n";
        if (!failed) expect_equal(hush::test::read_file(logits), some, 0.02);
        done += images;
        asked += images;
      }
    });
  ASSERT_TRUE(first->says("evaluation 10 of link", seconds(30))) << first->log();
  second->send_signal(SIGKILL);
  EXPECT_EQ(second->wait(seconds(5)), 128 + SIGKILL);
  second = server(1);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(asked, 4 * queries_per_client());

  for (const auto& process : {first.get(), second.get(), dealing.get()}) {
    process->send_signal(SIGTERM);
    EXPECT_EQ(process->wait(seconds(15)), 0) << process->log();
  }
  expect_burnt_once(first->log());
  expect_burnt_once(second->log());
}

// What a program that cannot work says, in its one line.
TEST_F(Programs, MistakesAreOneClearLine) {
  const auto fails = [&](const std::string& program, std::vector<std::string> arguments,
                         const testing::Matcher<std::string>& line) {
    const ProgramResult result = run_program(program, arguments);
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.last_error_line(), line);
  };
  const auto changed = [](std::vector<std::string> arguments, const std::string& option,
                          const std::string& value) {
    *(std::ranges::find(arguments, option) + 1) = value;
    return arguments;
  };
  const std::vector<std::string> server1 = server_arguments(1);
  fails("pi_server", changed(server1, "--models", folder_ / "models/party0"),
        HasSubstr("is for party 0, not for party1: each machine has files of its own"));
  fails("pi_server", changed(server1, "--models", folder_ / "nowhere"),
        HasSubstr("there are no models (*.safetensors); make some with pi_split"));
  fails("pi_server", changed(server1, "--certificates", folder_ / "nowhere"),
        HasSubstr("cannot read"));
  fails("pi_server", changed(server1, "--batches", "0"), HasSubstr("--batches: 1 to 8 sizes"));
  fails("pi_split", {"--weights", folder_ / "small.safetensors", "--mode", "secret"},
        HasSubstr("secret"));
  fails("pi_client", client_arguments(folder_ / "x.csv"), HasSubstr("which images?"));
  std::vector<std::string> nobody = client_arguments(folder_ / "x.csv");
  nobody.insert(nobody.end(), {"--from-test", "1", "--patience", "0"});
  fails("pi_client", nobody, HasSubstr("is the other party running?"));

  // A share that was damaged on its way would give wrong answers.
  const std::string model = folder_ / "models/party1/small.safetensors";
  std::string bytes = hush::test::read_file(model);
  bytes[bytes.size() - 100] = char(bytes[bytes.size() - 100] ^ 1);
  std::ofstream(model, std::ios::binary) << bytes;
  fails("pi_server", server1, HasSubstr("small.safetensors is damaged: copy it again"));
}

TEST_F(Programs, ServersOfOneNumberEndWithOneLine) {
  for (const int party : {0, 1}) {
    // Both machines have all files here; on real ones, the other's certificate is not there.
    std::vector<std::string> other = server_arguments(party);
    const std::vector<std::pair<std::string, std::string>> changes = {
        {"--listen", at(1 - party)}, {"--peer", at(party)}, {"--state", folder_ / "state/other"}};
    for (const auto& [option, value] : changes) *(std::ranges::find(other, option) + 1) = value;
    const auto first = server(party);
    Process second("pi_server", other, folder_ / "other.log");
    EXPECT_EQ(second.wait(seconds(20)), 1);
    EXPECT_THAT(second.log(), HasSubstr(fmt::format("party{} as well", party)));
  }
}

TEST_F(Programs, ClientsThatCannotBeServedAreToldInOneLine) {
  const auto dealing = dealer();
  const auto first = server(0), second = server(1);
  ASSERT_TRUE(first->says("connected to party1", seconds(20))) << first->log();
  const auto ask = [&](int images, const std::string& certificates) {
    std::vector<std::string> arguments = client_arguments(folder_ / "x.csv");
    *(std::ranges::find(arguments, "--certificates") + 1) = certificates;
    arguments.insert(arguments.end(),
                     {"--from-test", std::to_string(images), "--request", "1", "--patience", "5"});
    return run_program("pi_client", arguments);
  };
  ASSERT_EQ(ask(1, folder_ / "certificates").status, 0);

  expect_success("pi_certs", {folder_ / "foreign"});
  const ProgramResult foreign = ask(1, folder_ / "foreign");
  EXPECT_EQ(foreign.status, 1);
  EXPECT_THAT(foreign.last_error_line(), HasSubstr("is refused: self-signed certificate"));

  // What is in stock is used up, for good.
  dealing->send_signal(SIGKILL);
  EXPECT_EQ(dealing->wait(seconds(5)), 128 + SIGKILL);
  const ProgramResult dry = ask(kTestImages, folder_ / "certificates");
  EXPECT_EQ(dry.status, 1);
  EXPECT_THAT(dry.last_error_line(),
              HasSubstr("the correlations are used up and the dealer is not connected"));
  expect_burnt_once(first->log());
}

TEST_F(Programs, ServersOfTwoSplitsAnswerNobody) {
  expect_success("pi_split", {"--weights", folder_ / "small.safetensors", "--out",
                              folder_ / "other", "--relu", "carry"});
  std::vector<std::string> arguments = server_arguments(1);
  *(std::ranges::find(arguments, "--models") + 1) = folder_ / "other/party1";
  const auto first = server(0);
  Process second("pi_server", arguments, folder_ / "server1.log");
  EXPECT_TRUE(second.says("the two ends differ in options", seconds(20))) << second.log();
  std::vector<std::string> asking = client_arguments(folder_ / "x.csv");
  asking.insert(asking.end(), {"--from-test", "1", "--patience", "1"});
  const ProgramResult client = run_program("pi_client", asking);
  EXPECT_EQ(client.status, 1);
  EXPECT_THAT(client.last_error_line(), HasSubstr("the two servers do not serve the same model"));
}

TEST_F(Programs, ExpiredCertificatesAreNamed) {
  std::filesystem::remove_all(folder_.path() / "certificates");
  mpc::write_test_certificates(folder_.path() / "certificates",
                               {-std::chrono::hours(2), -std::chrono::hours(1)});
  const auto first = server(0), second = server(1);
  EXPECT_TRUE(second->says("certificate has expired", seconds(20))) << second->log();
  std::vector<std::string> arguments = client_arguments(folder_ / "x.csv");
  arguments.insert(arguments.end(), {"--from-test", "1"});
  const ProgramResult client = run_program("pi_client", arguments);
  EXPECT_EQ(client.status, 1);
  EXPECT_THAT(client.last_error_line(), HasSubstr("certificate has expired"));
}

}  // namespace
}  // namespace hush::apps::test
