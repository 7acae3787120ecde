// What the dealer has sent for one model and the evaluating thread has not yet taken, and what that
// thread tells the receiving one: which masks are in use, and how full the stores are. Thread safe.
//
// The masks are those of the model's weights; a *lane* is the model at one batch size, with a store
// of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "apps/serve/messages.h"
#include "mpc/offline/correlation_source.h"
#include "mpc/offline/demand.h"

namespace hush::apps {

struct ModelDemand {
  mpc::Demand masks;                 // once
  std::vector<mpc::Demand> batches;  // for each evaluation, by lane
};

// One thing dealt. Session and number are the dealer's, and the same at both parties.
struct Dealt {
  bool is_masks = false;
  std::uint32_t lane = 0;  // of a batch
  Id session{};
  std::uint64_t number = 0;
  Id masks{};  // which masks these are, or which the batch is for
  mpc::MemorySource source;
};

class Supply {
 public:
  // `target`: batches that a lane should have in store, by lane.
  explicit Supply(std::vector<std::uint64_t> target);

  std::size_t lanes() const { return lanes_.size(); }

  // The evaluating thread's side.
  void set_masks(const Id& masks);
  void set_stock(std::uint32_t lane, std::uint64_t batches);
  // The lane that present queries call for: it is filled first.
  void set_called_for(std::uint32_t lane);
  // The oldest thing dealt; null if there is none. It stays here until `drop`.
  std::shared_ptr<Dealt> front() const;
  void drop(const std::shared_ptr<Dealt>& dealt);
  // Takes the one of that session and number, if it has come. Older ones, which the other party
  // has given up, are dropped.
  std::shared_ptr<Dealt> take(const Id& session, std::uint64_t number);
  // Whether masks are here, or will come without a new session.
  bool expects_masks() const;
  // Asks the receiving thread to begin a new session with the dealer.
  void renew();
  bool dealer_connected() const;

  // The receiving thread's side.
  // Begins a session: what was left of the last one is gone. It may begin with new masks.
  void begin_session(const Id& session, bool with_masks);
  void end_session();
  Id masks() const;
  void push(std::shared_ptr<Dealt> dealt);
  // The lane that is called for, or else is emptiest, as soon as one is below its target; nothing
  // after `limit`.
  std::optional<std::uint32_t> wait_for_want(std::chrono::milliseconds limit);
  // Until there is room for one thing more; false after `limit`.
  bool wait_for_room(std::chrono::milliseconds limit);
  bool renewal_wanted() const;
  // Sleeps, unless stopped.
  void pause(std::chrono::milliseconds limit);

  // Ends all waiting, for good.
  void stop();
  bool stopped() const;
  // Called whenever something was pushed.
  void on_push(std::function<void()> notify);

 private:
  // Batches that may lie in memory: enough to receive one while another is written to disk.
  static constexpr std::size_t kRoom = 2;

  struct Lane {
    std::uint64_t stock = 0, target = 0;
  };
  double level(std::uint32_t lane) const;
  std::optional<std::uint32_t> wanting() const;
  std::size_t batches_here(std::uint32_t lane) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Lane> lanes_;
  std::deque<std::shared_ptr<Dealt>> dealt_;
  std::uint32_t called_for_ = 0;
  Id masks_{}, session_{};
  bool connected_ = false, masks_coming_ = false, renew_ = false, stopped_ = false;
  std::function<void()> notify_;
};

}  // namespace hush::apps
