#include "mpc/online/conversation.h"

#include <algorithm>
#include <vector>

namespace hush::mpc {
namespace {

constexpr Tag kRound{0x0300};

// The words of several exchanges as one.
class JointExchange {
 public:
  explicit JointExchange(std::span<Conversation* const> waiting) : waiting_(waiting) {
    std::size_t incoming = 0;
    for (const Conversation* conversation : waiting) {
      const Exchange& part = conversation->pending();
      outgoing_.insert(outgoing_.end(), part.outgoing.begin(), part.outgoing.end());
      incoming += part.incoming.size();
    }
    incoming_.resize(incoming);
  }
  Exchange exchange() { return {outgoing_, incoming_}; }
  void distribute() const {
    const std::byte* next = incoming_.data();
    for (const Conversation* conversation : waiting_) {
      const std::span<std::byte> part = conversation->pending().incoming;
      std::copy_n(next, part.size(), part.data());
      next += part.size();
    }
  }

 private:
  std::span<Conversation* const> waiting_;
  std::vector<std::byte> outgoing_;
  std::vector<std::byte> incoming_;
};

std::vector<Conversation*> pointers_to(std::span<Conversation> conversations) {
  std::vector<Conversation*> pointers;
  for (Conversation& conversation : conversations) pointers.push_back(&conversation);
  return pointers;
}

// Each goes on to its next exchange; those that ended are left out from now on.
void advance_all(std::vector<Conversation*>& waiting) {
  const auto finished = [](Conversation* conversation) { return !conversation->advance(); };
  waiting.erase(std::remove_if(waiting.begin(), waiting.end(), finished), waiting.end());
}

void run_exchange(Channel& channel, const Exchange& exchange) {
  if (!exchange.outgoing.empty() && !exchange.incoming.empty())
    return channel.exchange(exchange.outgoing, exchange.incoming, kRound);
  if (!exchange.outgoing.empty()) {
    channel.send(exchange.outgoing, kRound);
    channel.flush();
  }
  if (!exchange.incoming.empty()) channel.receive(exchange.incoming, kRound);
}

}  // namespace

bool Conversation::advance() {
  promise_type& promise = handle_.promise();
  if (promise.innermost)
    promise.innermost.resume();
  else
    handle_.resume();
  if (promise.error) std::rethrow_exception(promise.error);
  return !handle_.done();
}

const Exchange& Conversation::pending() const {
  return handle_.promise().pending;
}

Conversation together(std::vector<Conversation> conversations) {
  std::vector<Conversation*> waiting = pointers_to(conversations);
  while (true) {
    advance_all(waiting);
    if (waiting.empty()) co_return;
    if (waiting.size() == 1) {
      const Exchange alone = waiting[0]->pending();
      co_await alone;
      continue;
    }
    JointExchange joint(waiting);
    const Exchange exchange = joint.exchange();
    co_await exchange;
    joint.distribute();
  }
}

void converse(Party& party, std::span<Conversation> conversations) {
  std::vector<Conversation*> waiting = pointers_to(conversations);
  while (true) {
    advance_all(waiting);
    if (waiting.empty()) return;
    if (waiting.size() == 1) {
      run_exchange(party.channel(), waiting[0]->pending());
      continue;
    }
    JointExchange joint(waiting);
    run_exchange(party.channel(), joint.exchange());
    joint.distribute();
  }
}

}  // namespace hush::mpc
