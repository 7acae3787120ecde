// Parallel loops whose results do not depend on how many threads run them.
//
// Work is cut into chunks by the *problem*, never by the number of threads; threads only decide
// who runs which chunk. A reduction writes one partial result per chunk and adds them in order.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace hush {

// A non-owning reference to a callable, for calls that do not outlive it.
class ChunkFunction {
 public:
  template <class F>
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): the constraint leaves copies alone
  requires(!std::is_same_v<std::remove_cvref_t<F>, ChunkFunction>) ChunkFunction(
      F&& f)  // NOLINT(google-explicit-constructor): a lambda is passed as an argument
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, std::size_t chunk) {
          (*static_cast<std::remove_reference_t<F>*>(object))(chunk);
        }) {}
  void operator()(std::size_t chunk) const { call_(object_, chunk); }

 private:
  void* object_;
  void (*call_)(void*, std::size_t);
};

// How many threads parallel loops use, the calling one included. Starts as the number of
// processors this process may run on.
int thread_count();
// Sets it; at least 1. Not while a parallel loop runs.
void set_thread_count(int count);

// Calls f(0) … f(chunks - 1), each once, on any thread, and returns when all are done. The first
// exception is rethrown here; chunks not started by then are skipped. A loop inside a loop runs
// on the thread that it is called from.
void parallel_chunks(std::size_t chunks, ChunkFunction f);

// Calls f(begin, end) for consecutive ranges of at most `grain` that cover [0, count).
template <class F>
void parallel_for(std::size_t count, std::size_t grain, F&& f) {
  const std::size_t chunks = (count + grain - 1) / grain;
  parallel_chunks(chunks, [&](std::size_t chunk) {
    const std::size_t begin = chunk * grain;
    f(begin, begin + grain < count ? begin + grain : count);
  });
}

}  // namespace hush
