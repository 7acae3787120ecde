// The queries of one model that wait for their evaluation, and the way back for their results.
//
// Back-pressure: the queue has a fixed number of places. A request that does not fit is refused at
// once, before its images are read, so that memory is bounded whatever clients do.
// A ticket ends exactly once: with a result, or with a refusal that says why. Thread safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "apps/serve/messages.h"
#include "mpc/offline/correlation.h"

namespace hush::apps {

using ServeClock = std::chrono::steady_clock;

// One image on its way through a server.
struct Ticket {
  QueryId id;
  mpc::SecretWords image;  // this server's share
  ServeClock::time_point deadline;
  // Set when it ends:
  bool ended = false;
  Answer answer;
  mpc::SecretWords result;  // this server's share of the logits
  Stamp stamp;
};
using Tickets = std::vector<std::shared_ptr<Ticket>>;

class TicketQueue {
 public:
  // Places for `capacity` images, counted from `reserve` until the ticket ends.
  explicit TicketQueue(std::size_t capacity) : capacity_(capacity) {}

  // Takes places for a request, or says why not. The ok answer is the one of `set_state`.
  Answer reserve(std::size_t images);
  // Gives places back for which no ticket will come.
  void release(std::size_t images);
  // Puts tickets into reserved places. They may end at once, if the queue refuses everything.
  void add(const Tickets& tickets);
  // Until all of them have ended.
  void wait(const Tickets& tickets);

  // The oldest tickets that wait, at most `most`; they stay in the queue.
  Tickets waiting(std::size_t most) const;
  bool holds(const QueryId& id) const;
  // Takes a ticket out; null if it is not there (any more).
  std::shared_ptr<Ticket> take(const QueryId& id);
  // Ends a ticket that was taken.
  void finish(const std::shared_ptr<Ticket>& ticket, mpc::SecretWords result, const Stamp& stamp);
  void refuse(const std::shared_ptr<Ticket>& ticket, const Answer& answer);

  // Refuses all that wait; and those only whose deadline has passed.
  void refuse_all(const Answer& answer);
  void refuse_late(ServeClock::time_point now, const Answer& answer);
  // From now on `reserve` answers so, and `add` ends tickets so; an ok answer opens the queue.
  void set_state(const Answer& state);

  // Until a ticket waits, `wake` is called, or the time is over. True if a ticket waits.
  bool wait_for_work(std::chrono::milliseconds limit);
  void wake();

  std::size_t places_taken() const;

 private:
  void end(Ticket& ticket, const Answer& answer);

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable work_, ended_;
  std::list<std::shared_ptr<Ticket>> waiting_;
  std::size_t taken_ = 0;
  bool woken_ = false;
  Answer state_{Verdict::unavailable, "the server is starting"};
};

}  // namespace hush::apps
