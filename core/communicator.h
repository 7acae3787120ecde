// Communicator: several processes ("ranks") that compute one thing together.
//
// The interface stands in core because a batch norm that normalises over the images of all ranks is
// an op, and a trainer adds up gradients: neither needs to know what carries the bytes. What does
// (MPI, threads of one process, NCCL) is elsewhere and is handed in by the program.
//
// Contract: every rank makes the same calls in the same order, with arguments of the same sizes,
// from one thread. Sums are taken in rank order, ((rank 0 + rank 1) + rank 2) + …, in double, and
// rounded once, so the result has the same bits on every rank and in every run, however the
// messages travel; an implementation that cannot keep this says so. A call throws RankError when
// another rank is lost or has given up.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace hush {

// Another rank cannot go on, so this one cannot either; or all found the same thing wrong. `silent`
// if the user hears of it from elsewhere: one line is enough.
struct RankError : Error {
  RankError(const std::string& what, bool is_silent) : Error(what), silent(is_silent) {}
  bool silent;
};

class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  virtual int rank() const = 0;  // 0 … size - 1
  virtual int size() const = 0;

  // Begins to replace the elements of `values` (float32) by their sums over all ranks; until
  // finish_sums returns they must not be looked at. Several sums may be under way.
  virtual void start_sum(const Tensor& values) = 0;
  // Moves sums along; to be called now and then between pieces of other work. Costs little.
  virtual void progress() {}
  // Returns when every sum that was started is there.
  virtual void finish_sums() = 0;

  // Writes what each rank gives, all of one size, to `all`: size() times as long, in rank order.
  virtual void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
  // Writes what rank 0 has to `bytes` of all others.
  virtual void broadcast(std::span<std::byte> bytes) = 0;

  // Returns when all ranks have called it.
  void barrier() { (void)gather(char{0}); }
  // One value of each rank, in rank order.
  template <class T>
  std::vector<T> gather(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(values_of_all(1));
    all_gather(std::as_bytes(std::span(&value, 1)), std::as_writable_bytes(std::span(all)));
    return all;
  }
  // As many values of each rank, one rank after the other.
  template <class T>
  std::vector<T> gather_all(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(values_of_all(values.size()));
    all_gather(std::as_bytes(std::span(values)), std::as_writable_bytes(std::span(all)));
    return all;
  }
  // A text of each rank, of any length.
  std::vector<std::string> gather_texts(const std::string& text);
  // Whether it is so on any rank.
  bool any(bool here);

 private:
  std::size_t values_of_all(std::size_t each) const { return each * std::size_t(size()); }
};

// The sum over ranks that the contract asks for: parts[r] holds `count` elements of rank r.
// `result` may be one of the parts.
void add_in_rank_order(std::span<const float* const> parts, std::size_t count, float* result);

// A process that works alone.
class SingleRank final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void start_sum(const Tensor&) override {}
  void finish_sums() override {}
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override;
  void broadcast(std::span<std::byte>) override {}
};

}  // namespace hush
