// The thread that evaluates one model together with the other server.
//
// All that the two servers do for a model happens over one connection and in one order, which
// party 0 decides: it names the next step (messages.h), party 1 says whether it can, and both do
// it. So both burn the same batches for the same images by construction, stores and networks have
// one user, and there is nothing to lock. Evaluations use every core through the thread pool; other
// models have threads and connections of their own.
//
// Whatever goes wrong in between ends the connection: images that were being evaluated are refused
// as lost, and the servers begin anew by agreeing on what they have.
#pragma once

#include <atomic>
#include <thread>

#include "apps/serve/counters.h"
#include "apps/serve/link.h"
#include "apps/serve/model_state.h"
#include "apps/serve/ticket_queue.h"
#include "mpc/channel/session.h"

namespace hush::apps {

struct WorkerOptions {
  int party = 0;
  std::string model;
  Shape image;  // [1, H, W, C]
  int classes = 0;
  mpc::Session session;  // what the other server must agree on
  mpc::Address peer;     // where party 1 finds party 0
  mpc::TlsCredentials credentials;
  std::chrono::milliseconds timeout{30000};  // of the connection to the peer
  bool trace = false;                        // log every evaluation and burnt batch
  std::vector<std::uint64_t> at_hand;        // batches to keep in memory, by lane
};

class ModelWorker {
 public:
  // `failed` is called with what no waiting will mend: both servers have the same number.
  ModelWorker(WorkerOptions options, ModelState state, TicketQueue& queue, Supply& supply,
              ServerCounters& counters, std::function<void(const std::string&)> failed);
  // Finishes the evaluation that runs, if that takes no more than seconds, and refuses the rest.
  ~ModelWorker();
  ModelWorker(const ModelWorker&) = delete;
  ModelWorker& operator=(const ModelWorker&) = delete;

  // Party 0: the other server has come, and named this model.
  void meet(std::shared_ptr<Link> link);
  bool has_peer() const { return has_peer_; }

 private:
  void run();
  std::shared_ptr<Link> await_link();
  std::shared_ptr<Link> dial();
  void use_link();
  void begin_link();
  void agree_on_masks();
  void end_link();
  Answer open_state() const;
  bool stopping() const { return stopping_; }

  // Party 0 (leader.cpp).
  void lead();
  bool lead_once();
  Lane* choose_lane(std::size_t images);
  bool offer_images(Tickets waiting);
  StepKind how_to_take(const Dealt& dealt) const;
  bool offer(const std::shared_ptr<Dealt>& dealt);
  std::chrono::milliseconds pause_for_dealt() const;
  bool fill_hand(Lane& lane);
  void prepare(Lane& lane);
  bool prepare_ahead();
  void update_state();
  StepAnswer ask(const Step& step);
  // Party 1 (follower.cpp).
  void follow();
  void take_dealt(const Step& step);
  void take_images(const Step& step);

  // Both.
  void accept(Dealt& dealt, StepKind how);
  bool fits(const Dealt& dealt) const;
  void evaluate(Lane& lane, const Tickets& slots);
  void lose(const Tickets& slots);
  Tensor images_of(const Lane& lane, const Tickets& slots) const;
  void take_batch(Lane& lane);
  void publish(const Lane& lane);
  std::uint32_t index_of(const Lane& lane) const { return std::uint32_t(&lane - lanes_.data()); }

  WorkerOptions options_;
  ModelState state_;
  std::vector<Lane>& lanes_;  // of state_, ascending batch sizes
  TicketQueue& queue_;
  Supply& supply_;
  ServerCounters& counters_;
  std::function<void(const std::string&)> failed_;

  // Of the connection in use:
  std::shared_ptr<Link> link_;
  Id link_id_{};
  std::unique_ptr<mpc::Generator> result_masks_;  // the same at both parties
  std::uint64_t evaluations_ = 0;
  ServeClock::time_point dealt_since_{};  // since when party 1 says "not yet" to what was dealt

  std::atomic<bool> stopping_ = false, has_peer_ = false;
  std::mutex mutex_;  // guards next_link_, and link_ against the destructor
  std::condition_variable arrived_;
  std::shared_ptr<Link> next_link_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace hush::apps
