#include "mpc/online/conversation.h"

#include <algorithm>
#include <vector>

#include "mpc/online/ring_buffer.h"

namespace hush::mpc {
namespace {

constexpr Tag kRound{0x0300};

// The words of several exchanges as one. In memory from the pool of tensors: fresh pages for
// megabytes would cost more than the copies.
class JointExchange {
 public:
  explicit JointExchange(std::span<Conversation* const> waiting)
      : waiting_(waiting),
        outgoing_size_(total(&Exchange::outgoing)),
        incoming_size_(total(&Exchange::incoming)),
        outgoing_(words_of(outgoing_size_)),
        incoming_(words_of(incoming_size_)) {
    std::byte* next = bytes(outgoing_);
    for (const Conversation* conversation : waiting) {
      const auto part = conversation->pending().outgoing;
      next = std::copy(part.begin(), part.end(), next);
    }
  }
  Exchange exchange() {
    return {{bytes(outgoing_), outgoing_size_}, {bytes(incoming_), incoming_size_}};
  }
  void distribute() {
    const std::byte* next = bytes(incoming_);
    for (const Conversation* conversation : waiting_) {
      const std::span<std::byte> part = conversation->pending().incoming;
      std::copy_n(next, part.size(), part.data());
      next += part.size();
    }
  }

 private:
  template <class Member>
  std::size_t total(Member member) const {
    std::size_t size = 0;
    for (const Conversation* conversation : waiting_)
      size += (conversation->pending().*member).size();
    return size;
  }
  static std::size_t words_of(std::size_t size) { return (size + sizeof(Ring) - 1) / sizeof(Ring); }
  static std::byte* bytes(RingBuffer& buffer) {
    return reinterpret_cast<std::byte*>(buffer.data());
  }

  std::span<Conversation* const> waiting_;
  std::size_t outgoing_size_, incoming_size_;
  RingBuffer outgoing_, incoming_;
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
