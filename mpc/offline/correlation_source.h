// Where a party gets its correlated randomness online: whatever provider made it, each piece is
// handed out once and then forgotten here.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "mpc/offline/correlation.h"

namespace hush::mpc {

// More randomness is asked for than was prepared.
struct CorrelationsExhausted : Error {
  using Error::Error;
};

class CorrelationSource {
 public:
  CorrelationSource() = default;
  CorrelationSource(const CorrelationSource&) = delete;
  CorrelationSource& operator=(const CorrelationSource&) = delete;
  virtual ~CorrelationSource() = default;

  // This party's share of the next unused piece that answers exactly `request`. Both parties ask
  // in the same order. Throws CorrelationsExhausted.
  virtual CorrelationShare take(const CorrelationRequest& request) = 0;
};

// Where a provider puts what it makes.
class CorrelationSink {
 public:
  CorrelationSink() = default;
  CorrelationSink(const CorrelationSink&) = delete;
  CorrelationSink& operator=(const CorrelationSink&) = delete;
  virtual ~CorrelationSink() = default;

  virtual void add(const CorrelationRequest& request, CorrelationShare share) = 0;
};

// What a source throws that has no answer to `request`.
[[noreturn]] void throw_exhausted(const CorrelationRequest& request);

// Shares in memory, as a provider fills it and a query empties it.
class MemorySource final : public CorrelationSource, public CorrelationSink {
 public:
  void add(const CorrelationRequest& request, CorrelationShare share) override;
  // Moves everything from `other` behind what is here.
  void add(MemorySource&& other);

  CorrelationShare take(const CorrelationRequest& request) override;
  // How many pieces are left.
  std::size_t size() const;

 private:
  std::map<std::string, std::deque<CorrelationShare>> shares_;  // by CorrelationRequest::text
};

}  // namespace hush::mpc
