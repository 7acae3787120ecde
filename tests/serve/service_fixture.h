// Two servers, a dealer and clients in one process, over real TLS on loopback. The model is one
// linear layer with weights in shares: the smallest network that needs masks, batches and both
// parties, and whose results are exact.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/serve/dealer_service.h"
#include "apps/serve/query_client.h"
#include "apps/serve/server.h"
#include "core/ops/convolution.h"
#include "mpc/channel/certificate_authority.h"
#include "mpc/online/weight_layer.h"
#include "tests/apps/run_program.h"

namespace hush::apps::test {

inline constexpr int kClasses = 3;
inline const Shape kImage{1, 2, 2, 1};
inline constexpr int kBits = 8;  // fraction bits of images and results; weights are integers

// y = x W; W is [4, 3], W[i][c] = factor · (3 i - 5 c + 1).
class LinearNetwork final : public Evaluator {
 public:
  explicit LinearNetwork(int party, int factor = 1);

  mpc::Demand mask_demand() const override;
  mpc::Demand batch_demand(std::int64_t rows) const override;
  void set_up(mpc::Party& party) override;
  std::unique_ptr<Prepared> prepare(mpc::CorrelationSource& source, std::int64_t rows) override;
  Tensor run(mpc::Party& party, std::unique_ptr<Prepared> prepared, const Tensor& images) override;

 private:
  mpc::WeightLayerOptions options_;
  std::unique_ptr<mpc::WeightLayer> layer_;
  Tensor weights_;  // this party's share
};

struct FixtureOptions {
  std::vector<std::size_t> batches = {1, 4};
  std::size_t stock = 32, queue = 256, clients = 64;
  std::uint64_t memory_bytes = 1;  // one batch; the others go to the disk
  std::chrono::seconds patience{20};
};

class Services : public testing::Test {
 public:
  QueryOptions query_options() const;

 protected:
  Services();
  ~Services() override;

  void start_dealer();
  void stop_dealer();
  // `factor` as above; another one is another model.
  void start_server(int party, int factor = 1);
  void stop_server(int party) { servers_[std::size_t(party)].reset(); }
  void start_all();
  // Until a query succeeds.
  void wait_until_ready();

  // Image number `seed`, and what the model says of it.
  static Tensor image(int seed, std::int64_t count = 1);
  static Tensor expected(const Tensor& images);
  // Asks, again and again if that may help; true if the answer came and was right. A wrong answer
  // fails the test.
  bool ask(std::unique_ptr<QueryClient>& client, int seed, std::int64_t count = 1);

  ServerCounters& counters(int party) { return *counters_[std::size_t(party)]; }
  std::filesystem::path state(int party) const;

  hush::test::TemporaryFolder folder_;
  std::shared_ptr<mpc::CertificateAuthority> authority_ =
      std::make_shared<mpc::CertificateAuthority>();
  FixtureOptions options_;
  mpc::Session session(int factor) const;

 private:
  std::uint16_t dealer_port_ = 0;
  std::array<std::uint16_t, 2> ports_{};
  DealerCounters dealer_counters_;
  std::unique_ptr<DealerService> dealer_;
  std::unique_ptr<Acceptor> dealer_acceptor_;
  std::array<std::unique_ptr<ServerCounters>, 2> counters_;
  std::array<std::unique_ptr<Server>, 2> servers_;
};

// A port that was free a moment ago.
std::uint16_t free_port();

}  // namespace hush::apps::test
