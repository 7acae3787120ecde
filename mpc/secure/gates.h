// The public side of replaced activations: which elements stay ReLUs, and the polynomials of the
// others in fixed point.
#pragma once

#include "mpc/secure/options.h"

namespace hush::mpc {

struct GatedElements {
  std::vector<std::uint32_t> relus;  // ascending places in one image
  // c2 x² + c1 x + c0 by channel, at `scale`, for x with `fraction_bits`.
  std::vector<Ring> c2, c1, c0;
  int fraction_bits = 0;  // of the truncated x
  int scale = 0;          // of the output
};

GatedElements all_relus(std::int64_t count, const SecureOptions& options);

// gate [..., C] of 0 and 1, coefficients [3, C]. Throws ArgumentError, naming the layer, for other
// gates; NumericError for coefficients that do not fit.
GatedElements read_gates(const std::string& layer, const Tensor& gate, const Tensor& coefficients,
                         const SecureOptions& options);

// round(x 2^scale), for any scale; throws NumericError if |x| 2^scale reaches 2^62.
Ring encode_at(double x, int scale);

}  // namespace hush::mpc
