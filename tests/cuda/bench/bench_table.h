// How a call on the device is timed, and the rows that are printed.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "arithmetic_peak.h"
#include "cuda/backend.h"

namespace hush::cuda {

inline constexpr Device kDevice{Device::Kind::cuda, 0};

// Tiny shapes, one repetition: only that everything runs.
extern bool quick;

std::int64_t scaled(std::int64_t full, std::int64_t tiny);
CudaBackend& device();

// Tensors of random contents on the device.
Tensor floats(const Shape& shape);
Tensor ring(const Shape& shape);
Tensor drawn(const Shape& shape, DType dtype);

// The median time of a call in seconds, after a warm-up.
double seconds(const std::function<void()>& call);

// What the device reaches at best: bytes per second of a copy much larger than its cache, and
// multiply-adds per second that touch no memory.
class Ceilings {
 public:
  Ceilings();  // measures
  double bytes() const { return bytes_; }
  // Of elements: over the ring from bytes, a multiply-add takes 36 of bytes.
  double macs(Unit unit) const { return macs_[int(unit)]; }
  void print() const;

 private:
  double bytes_ = 0;
  double macs_[kUnits] = {};
};

class Table {
 public:
  explicit Table(const Ceilings& ceilings);
  // `bytes` to move and multiply-adds to do at least; the ceiling is whichever takes longer.
  // Returns the time.
  double row(const std::string& name, Unit unit, double bytes, double macs,
             const std::function<void()>& call) const;
  // NVIDIA's library on the same, below a row that took `ours`. Says once why one cannot be had.
  void versus(const std::string& library, double ours, const std::function<void()>& call) const;

 private:
  const Ceilings& ceilings_;
  mutable std::set<std::string> missing_;
};

}  // namespace hush::cuda
