// What feeds the tensor cores (kernels/staging.cuh), without a GPU: PTX's cp.async and ldmatrix
// (PTX ISA, "Data Movement and Conversion Instructions" and "Warp-level matrix load instruction").
#pragma once

#include <cstdint>
#include <cstring>

#include "cuda/emulator/grid.h"

namespace hush::cuda::emulator {

// Returns the rows of the four matrices, 8 of 16 bytes each, once every lane has given its own:
// lane i row i mod 8 of matrix i / 8.
inline const std::uint64_t* gather_rows(const void* row, Site site) {
  require_whole_warps("an ldmatrix");
  require_alignment(row, 16, site);
  return warp_gather(~0u, std::uint64_t(reinterpret_cast<std::uintptr_t>(row)), site);
}

inline std::uint32_t half_at(std::uint64_t row, unsigned i) {
  std::uint16_t half = 0;
  std::memcpy(&half, reinterpret_cast<const std::byte*>(std::uintptr_t(row)) + 2 * i, 2);
  return half;
}

}  // namespace hush::cuda::emulator

namespace hush::cuda {

inline void copy_async(void* shared, const void* global, bool zeros,
                       emulator::Site site = emulator::Site::current()) {
  emulator::start_copy(shared, zeros ? nullptr : global, 16, site);
}

inline void commit_copies() {
  emulator::commit_copies();
}

template <int newest>
void wait_for_copies() {
  emulator::wait_for_copies(newest);
}

inline void load_matrices(std::uint32_t (&words)[4], const void* row,
                          emulator::Site site = emulator::Site::current()) {
  const std::uint64_t* rows = emulator::gather_rows(row, site);
  const unsigned g = emulator::lane() / 4, t = emulator::lane() % 4;
  for (unsigned q = 0; q < 4; ++q) {
    const std::uint64_t own = rows[8 * q + g];
    words[q] = emulator::half_at(own, 2 * t) | emulator::half_at(own, 2 * t + 1) << 16;
  }
}

inline void load_matrices_transposed(std::uint32_t (&words)[4], const void* row,
                                     emulator::Site site = emulator::Site::current()) {
  const std::uint64_t* rows = emulator::gather_rows(row, site);
  const unsigned g = emulator::lane() / 4, t = emulator::lane() % 4;
  for (unsigned q = 0; q < 4; ++q)
    words[q] = emulator::half_at(rows[8 * q + 2 * t], g) |
               emulator::half_at(rows[8 * q + 2 * t + 1], g) << 16;
}

}  // namespace hush::cuda
