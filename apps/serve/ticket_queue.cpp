#include "apps/serve/ticket_queue.h"

#include <fmt/format.h>

#include <algorithm>

namespace hush::apps {

Answer TicketQueue::reserve(std::size_t images) {
  const std::lock_guard lock(mutex_);
  if (!state_.ok()) return state_;
  if (images > capacity_ - taken_)
    return {Verdict::busy,
            fmt::format("the queue is full ({} of {} places taken): ask again in a moment", taken_,
                        capacity_)};
  taken_ += images;
  return state_;
}

void TicketQueue::release(std::size_t images) {
  const std::lock_guard lock(mutex_);
  taken_ -= images;
}

void TicketQueue::add(const Tickets& tickets) {
  const std::lock_guard lock(mutex_);
  for (const auto& ticket : tickets) {
    const bool twice =
        std::ranges::any_of(waiting_, [&](const auto& other) { return other->id == ticket->id; });
    if (!state_.ok())
      end(*ticket, state_);
    else if (twice)
      end(*ticket, {Verdict::refused, "a query of this number is waiting already"});
    else
      waiting_.push_back(ticket);
  }
  work_.notify_all();
}

void TicketQueue::wait(const Tickets& tickets) {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] {
    return std::ranges::all_of(tickets, [](const auto& ticket) { return ticket->ended; });
  });
}

Tickets TicketQueue::waiting(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  Tickets result;
  for (const auto& ticket : waiting_) {
    if (result.size() == most) break;
    result.push_back(ticket);
  }
  return result;
}

bool TicketQueue::holds(const QueryId& id) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(waiting_, [&](const auto& ticket) { return ticket->id == id; });
}

std::shared_ptr<Ticket> TicketQueue::take(const QueryId& id) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::ranges::find_if(waiting_, [&](const auto& ticket) { return ticket->id == id; });
  if (found == waiting_.end()) return nullptr;
  auto ticket = std::move(*found);
  waiting_.erase(found);
  return ticket;
}

void TicketQueue::finish(const std::shared_ptr<Ticket>& ticket, mpc::SecretWords result,
                         const Stamp& stamp) {
  const std::lock_guard lock(mutex_);
  ticket->result = std::move(result);
  ticket->stamp = stamp;
  end(*ticket, {});
}

void TicketQueue::refuse(const std::shared_ptr<Ticket>& ticket, const Answer& answer) {
  const std::lock_guard lock(mutex_);
  end(*ticket, answer);
}

void TicketQueue::refuse_all(const Answer& answer) {
  const std::lock_guard lock(mutex_);
  for (const auto& ticket : waiting_) end(*ticket, answer);
  waiting_.clear();
}

void TicketQueue::refuse_late(ServeClock::time_point now, const Answer& answer) {
  const std::lock_guard lock(mutex_);
  waiting_.remove_if([&](const auto& ticket) {
    const bool late = ticket->deadline <= now;
    if (late) end(*ticket, answer);
    return late;
  });
}

void TicketQueue::set_state(const Answer& state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
}

bool TicketQueue::wait_for_work(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  work_.wait_for(lock, limit, [&] { return woken_ || !waiting_.empty(); });
  woken_ = false;
  return !waiting_.empty();
}

void TicketQueue::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  work_.notify_all();
}

std::size_t TicketQueue::places_taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

// With the mutex held.
void TicketQueue::end(Ticket& ticket, const Answer& answer) {
  ticket.answer = answer;
  ticket.image = {};
  ticket.ended = true;
  --taken_;
  ended_.notify_all();
}

}  // namespace hush::apps
