#include "bench_table.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "cuda/extensions.h"

namespace hush::cuda {

bool quick = false;

std::int64_t scaled(std::int64_t full, std::int64_t tiny) {
  return quick ? tiny : full;
}

CudaBackend& device() {
  return static_cast<CudaBackend&>(backend(kDevice));
}

Tensor floats(const Shape& shape) {
  Tensor t = Tensor::empty(shape, DType::float32, kDevice);
  fill_uniform(device(), 1, RandomUse::test, 0, t);
  return t;
}

Tensor ring(const Shape& shape) {
  Tensor t = Tensor::empty(shape, DType::ring64, kDevice);
  fill_chacha20(device(), {1, 2, 3, 4, 5, 6, 7, 8}, 0, {0, 0, 0}, t);
  return t;
}

Tensor drawn(const Shape& shape, DType dtype) {
  return dtype == DType::float32 ? floats(shape) : ring(shape);
}

double seconds(const std::function<void()>& call) {
  const Queue queue = device().queue();
  const runtime::Event begin, end;
  std::vector<double> times;
  for (int repeat = 0; repeat < (quick ? 1 : 21); ++repeat) {
    runtime::record(begin.handle(), queue.stream);
    call();
    runtime::record(end.handle(), queue.stream);
    times.push_back(double(runtime::milliseconds(begin.handle(), end.handle())) / 1000);
  }
  if (times.size() > 1) times.erase(times.begin());
  std::nth_element(times.begin(), times.begin() + std::ptrdiff_t(times.size() / 2), times.end());
  return std::max(times[times.size() / 2], 1e-9);
}

Ceilings::Ceilings() {
  const Tensor from = floats({scaled(std::int64_t{1} << 28, 4096)});
  const Tensor to = Tensor::empty(from.shape(), DType::float32, kDevice);
  bytes_ = 2 * double(from.bytes()) / seconds([&] { device().copy(from, to); });
  for (int u = 0; u < kUnits; ++u) {
    const auto unit = Unit(u);
    const int rounds = int(scaled(2048, 1));
    macs_[u] = arithmetic_peak_macs(unit, rounds) /
               seconds([&] { arithmetic_peak(device(), unit, rounds); });
  }
}

void Ceilings::print() const {
  std::printf("ceilings: copy %.0f GB/s; multiply-adds in G/s:", bytes_ / 1e9);
  for (int u = 0; u < kUnits; ++u) std::printf(" %s %.0f", name_of(Unit(u)), macs_[u] / 1e9);
  std::printf("\n");
}

Table::Table(const Ceilings& ceilings) : ceilings_(ceilings) {
  std::printf("%-52s %12s %10s %10s %9s\n", "kernel", "time", "GB/s", "Gmac/s", "ceiling");
}

double Table::row(const std::string& name, Unit unit, double bytes, double macs,
                  const std::function<void()>& call) const {
  const double time = seconds(call);
  const double least = std::max(bytes / ceilings_.bytes(), macs / ceilings_.macs(unit));
  std::printf("%-52s %9.1f us %10.1f %10.1f %8.0f%%\n", name.c_str(), time * 1e6,
              bytes / time / 1e9, macs / time / 1e9, 100 * least / time);
  return time;
}

void Table::versus(const std::string& library, double ours,
                   const std::function<void()>& call) const {
  if (missing_.count(library) > 0) return;
  try {
    const double theirs = seconds(call);
    std::printf("  %-50s %9.1f us   ours is %.2f times as fast\n", library.c_str(), theirs * 1e6,
                theirs / ours);
  } catch (const Error& error) {
    missing_.insert(library);
    std::printf("  %-50s NOT MEASURED: %s\n", library.c_str(), error.what());
  }
}

}  // namespace hush::cuda
