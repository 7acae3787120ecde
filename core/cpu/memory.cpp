// Host memory: blocks from the pool, filled and copied by all threads.
#include <cstring>

#include "core/cpu/cpu_backend.h"
#include "core/storage.h"
#include "core/thread_pool.h"

namespace hush {
namespace {
constexpr std::size_t kGrain = std::size_t{1} << 20;  // bytes a chunk
}

std::shared_ptr<std::byte> CpuBackend::allocate(std::size_t bytes) {
  return host_pool().allocate(bytes);
}

void CpuBackend::zero(const Tensor& x) {
  std::byte* bytes = x.raw();
  parallel_for(x.bytes(), kGrain, [&](std::size_t begin, std::size_t end) {
    std::memset(bytes + begin, 0, end - begin);
  });
}

void CpuBackend::copy(const Tensor& from, const Tensor& to) {
  require(from.device() == Device{} && to.device() == Device{} && from.bytes() == to.bytes(),
          "copy: cannot copy {} to {}", from.text(), to.text());
  const std::byte* source = from.raw();
  std::byte* target = to.raw();
  if (source == target) return;
  parallel_for(from.bytes(), kGrain, [&](std::size_t begin, std::size_t end) {
    std::memcpy(target + begin, source + begin, end - begin);
  });
}

}  // namespace hush
