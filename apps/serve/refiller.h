// Receives correlations from the dealer in the background, for one model, and keeps trying when
// the dealer is gone. Party 0 orders; both receive (docs/wire_format.md, "Dealing").
#pragma once

#include <mutex>
#include <thread>

#include "apps/serve/link.h"
#include "apps/serve/supply.h"
#include "mpc/channel/session.h"

namespace hush::apps {

struct RefillerOptions {
  int party = 0;
  std::string model;
  mpc::Address dealer;
  mpc::TlsCredentials credentials;
  mpc::Session session;  // what the dealer must agree on
  ModelDemand demand;
};

class Refiller {
 public:
  // `supply` must outlive this. The thread starts at once.
  Refiller(RefillerOptions options, Supply& supply);
  ~Refiller();
  Refiller(const Refiller&) = delete;
  Refiller& operator=(const Refiller&) = delete;

 private:
  void run();
  void run_session();
  Id agree(mpc::Channel& channel);
  void receive_masks(mpc::Channel& channel);
  void receive_next(mpc::Channel& channel);

  RefillerOptions options_;
  Supply& supply_;
  // Of the running session:
  Id masks_{};                // in use
  std::uint64_t number_ = 0;  // of the next thing dealt
  std::mutex mutex_;          // guards link_
  std::shared_ptr<Link> link_;
  std::thread thread_;
};

}  // namespace hush::apps
