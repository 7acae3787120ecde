// A client of the two servers: shares images between them and adds what comes back.
//
// The servers' answers are added only if both name the same evaluation (Stamp), so that a client
// gets the result for its image or an error, and never the sum of two unrelated shares.
#pragma once

#include <array>
#include <memory>

#include "apps/serve/link.h"
#include "apps/serve/messages.h"
#include "apps/serve/model_card.h"
#include "mpc/ot/generator.h"

namespace hush::apps {

// A server declines; `verdict` tells whether asking again may help.
struct QueryRefused : Error {
  QueryRefused(Verdict why, const std::string& what) : Error(what), verdict(why) {}
  Verdict verdict;
  bool worth_another_try() const { return verdict != Verdict::refused; }
};

struct QueryOptions {
  std::array<mpc::Address, 2> servers;
  mpc::TlsCredentials credentials;
  std::string model;                         // empty: the only one there is
  std::chrono::milliseconds connect{5000};   // to find the servers
  std::chrono::milliseconds timeout{60000};  // for an answer; longer than servers keep a query
};

class QueryClient {
 public:
  // Connects to both. Throws ChannelError, QueryRefused; SessionMismatch if the two servers do not
  // serve the same model.
  explicit QueryClient(const QueryOptions& options);

  const ModelCard& card() const { return card_; }

  // Logits float32 [N, classes] of images float32 [N, H, W, C], normalised; N as the servers allow.
  // Throws QueryRefused, ChannelError; NumericError if a value is too large to be encoded. After
  // any of the first two the client is of no further use: make a new one to ask again.
  Tensor evaluate(const Tensor& images);

 private:
  mpc::Channel& channel(std::size_t party) { return links_[party]->channel(); }
  void check(std::size_t party, const Answer& answer) const;
  void request(std::uint32_t images);
  void send_shares(const Tensor& images);
  Tensor add_results(std::size_t images);

  std::array<std::shared_ptr<Link>, 2> links_;
  Id session_ = random_id();
  ModelCard card_;
  mpc::Generator generator_ = mpc::Generator::from_system();
  std::uint64_t requests_ = 0;
};

}  // namespace hush::apps
