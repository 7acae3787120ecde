// The dealer as a service: deals weight masks and batches of correlations to pairs of servers, for
// every model whose architecture it knows. It has no weights and never sees a query.
//
// Each model has a table. A server sits down at it with the masks that it holds; when both have,
// the thread of party 0's connection deals until one of them goes. Masks that a party lacks, or
// that this dealer does not have (any more), are dealt anew: products can be dealt for those only.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "apps/serve/counters.h"
#include "apps/serve/link.h"
#include "apps/serve/supply.h"
#include "mpc/channel/session.h"
#include "mpc/offline/dealer.h"

namespace hush::apps {

struct DealerModel {
  std::string name;
  mpc::Session session;  // graph and options; roles are filled in
  ModelDemand demand;
};

class DealerService {
 public:
  DealerService(std::vector<DealerModel> models, DealerCounters& counters);
  ~DealerService();
  DealerService(const DealerService&) = delete;
  DealerService& operator=(const DealerService&) = delete;

  // Serves one connection of party 0 or 1, until it ends.
  void serve(const std::shared_ptr<Link>& link);
  // Ends all of `serve`.
  void stop();

 private:
  struct Guest {
    std::shared_ptr<Link> link;
    Id held{};                       // masks
    std::shared_ptr<Guest> partner;  // of the session that both are in
    bool gone = false;
  };
  struct Table {
    DealerModel model;
    std::mutex dealing;  // one session at a time; guards the next two
    Id masks{};
    std::unique_ptr<mpc::Dealer> dealer;  // knows them
    std::array<std::shared_ptr<Guest>, 2> guests;
  };

  Table& find_table(mpc::Channel& channel);
  void sit_down(Table& table, const std::shared_ptr<Guest>& guest, int party);
  std::shared_ptr<Guest> await_other(Table& table, const std::shared_ptr<Guest>& guest);
  void await_end(const std::shared_ptr<Guest>& guest);
  void deal(Table& table, Guest& first, Guest& second);
  void deal_next(Table& table, std::uint64_t& number, mpc::Channel& first, mpc::Channel& second);
  void leave(Table& table, const std::shared_ptr<Guest>& guest, int party);

  std::map<std::string, Table> tables_;
  DealerCounters& counters_;
  std::mutex mutex_;  // guards guests and stopping_
  std::condition_variable changed_;
  bool stopping_ = false;
};

}  // namespace hush::apps
