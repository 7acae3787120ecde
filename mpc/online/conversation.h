// A protocol as a conversation: a coroutine that computes, says something, waits for the answer,
// and goes on. `co_await Exchange{outgoing, incoming}` is one message each way.
//
// The trick: whoever runs several conversations together resumes each until all wait for their
// exchange, and sends all their words in ONE message. So every protocol is written alone, in order,
// and yet the ReLUs and polynomials of one layer open in the same round:
//   converse(party, square(party, a, a2), relu(party, options, b, y));
// A protocol may also `co_await` another one, which then is part of it.
//
// Beware: g++ 12 destroys an aggregate with a destructor twice if it is made inside a co_await
// expression, as in `co_await product(party, op, Share{x}, …)`. Give it a name before.
//
// The spans of an Exchange must stay valid until it is over: they belong to the coroutine's frame
// or to the caller. Nothing starts before converse, and nothing is left running after it.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <span>
#include <utility>
#include <vector>

#include "mpc/online/party.h"

namespace hush::mpc {

// Awaited in a Conversation: sends `outgoing` and fills `incoming`; either may be empty if the
// peer knows. Sizes that do not match the peer's throw ProtocolViolation there and here.
struct Exchange {
  std::span<const std::byte> outgoing;
  std::span<std::byte> incoming;
};

// An exchange of arrays of plain values, such as std::vector<Ring>.
template <class Outgoing, class Incoming>
Exchange exchange_of(const Outgoing& outgoing, Incoming& incoming) {
  return {std::as_bytes(std::span(outgoing)), std::as_writable_bytes(std::span(incoming))};
}

class [[nodiscard]] Conversation {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Conversation(Handle handle) : handle_(handle) {}
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  Conversation(Conversation&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Conversation& operator=(Conversation&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Conversation() {
    if (handle_) handle_.destroy();
  }

  // Goes on until the next exchange (true) or the end (false). Rethrows what the protocol threw.
  bool advance();
  // What it waits for.
  const Exchange& pending() const;

 private:
  friend struct promise_type;
  Handle handle_;
};

struct Conversation::promise_type {
  // Awaits an exchange: control goes back to whoever advanced the outermost conversation.
  struct ExchangeAwaiter {
    promise_type& promise;
    bool await_ready() const noexcept { return false; }
    void await_suspend(Handle self) const noexcept { promise.outermost->innermost = self; }
    void await_resume() const noexcept {}
  };
  // Awaits another conversation: it starts at once and becomes the innermost.
  struct CallAwaiter {
    promise_type& promise;
    Handle callee;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle self) const noexcept {
      // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): as below
      callee.promise().outermost = promise.outermost;
      callee.promise().caller = self;
      return callee;
    }
    void await_resume() const {
      if (callee.promise().error) std::rethrow_exception(callee.promise().error);
    }
  };
  // At the end control goes to the caller, or to whoever advanced.
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle self) const noexcept {
      if (self.promise().caller) return self.promise().caller;
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  Conversation get_return_object() { return Conversation(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { error = std::current_exception(); }

  ExchangeAwaiter await_transform(const Exchange& exchange) {
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the analyser does not see "= this" below
    outermost->pending = exchange;
    return {*this};
  }
  CallAwaiter await_transform(const Conversation& callee) { return {*this, callee.handle_}; }

  promise_type* outermost = this;
  Handle caller{};  // who awaits this one
  std::exception_ptr error;
  // Of the outermost only:
  Handle innermost{};  // where to go on; null before the first exchange
  Exchange pending{};
};

// The conversations side by side as one, sharing messages round by round: what `converse` does, for
// use inside of another protocol.
Conversation together(std::vector<Conversation> conversations);

// Runs the conversations to their end, sharing messages round by round.
void converse(Party& party, std::span<Conversation> conversations);

template <class... More>
void converse(Party& party, Conversation first, More... more) {
  Conversation all[] = {std::move(first), std::move(more)...};
  converse(party, std::span<Conversation>(all));
}

}  // namespace hush::mpc
