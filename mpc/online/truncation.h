// Truncation: x >> f on shares, which brings a product back to the scale of its factors.
//
// Masked opening (exact to 1 ulp, always). Offset x to be positive, open x̂ = x + 2^62 + r for a
// uniform r whose R = r >> f and sign bit b are shared too. The sum wrapped around 2^64 exactly if
// b = 1 and s = 1, where s is 1 minus the highest bit of x̂, because x + 2^62 < 2^63. Hence
//   x >> f = E - a,   E = (x̂ >> f) - 2^(62-f) public,   a = R - s · 2^(64-f) · b shared,
// up to the carry of the dropped bits: the result is ⌊x / 2^f⌋ or 1 more. (The idea is that of
// Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, section 5, without its probability of
// failure, as in Dalskov, Escudero, Keller, PoPETs 2020, section 3.2.)
// Each party learns x̂, uniform. Message, both ways at once: x + 2^62 + r. 1 round, 8 bytes an
// element; nothing where x̂ is opened anyway: see selection.h, relu.h and truncate_square.
// Exact for -2^62 <= x < 2^62.
//
// Local (Mohassel, Zhang, SecureML, IEEE S&P 2017, section 4.1): each party shifts its own share.
// No message; but with probability |x| / 2^64 the result is wrong by 2^(64-f), which ruins the
// whole computation. Kept for comparison only.
#pragma once

#include "mpc/offline/correlations.h"
#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

inline constexpr Ring kTruncationOffset = Ring{1} << 62;

// What x̂ tells: x >> shift = offset - R + wrap · b.
struct TruncatedOpening {
  Ring offset;  // E
  Ring wrap;    // s · 2^(64-f)

  TruncatedOpening(Ring opened, unsigned shift)
      : offset((opened >> shift) - (kTruncationOffset >> shift)),
        wrap((1 - (opened >> 63)) << (64 - shift)) {}
};

// y = x >> shift, 1 <= shift < 62.
Conversation truncate(Party& party, unsigned shift, std::span<const Ring> x, std::span<Ring> y);
Cost predict_truncate(std::size_t count);
void demand_truncate(Demand& demand, unsigned shift, std::size_t count);

// y = x >> shift and y2 = y² from the same opening, with a² = R² - 2 wrap R b + wrap² b:
//   y² = E² - 2 E a + a².
// Squares the very y that it returns. 1 round, 8 bytes an element.
Conversation truncate_square(Party& party, unsigned shift, std::span<const Ring> x,
                             std::span<Ring> y, std::span<Ring> y2);
Cost predict_truncate_square(std::size_t count);
void demand_truncate_square(Demand& demand, unsigned shift, std::size_t count);

// Adjacent elements of an image.
struct ElementRun {
  std::uint32_t first, count;
};
// c2 x² + c1 x + c0 with coefficients of its own for each channel, the last axis; public, and
// encoded so that all three terms have one scale (as in square.h).
struct ChannelQuadratics {
  std::span<const Ring> c2, c1, c0;
};

// y = c2 x'² + c1 x' + c0 of x' = x >> shift, for those elements alone that `runs` names in each
// image of `image` words; the others of y stay as they are. Message, cost and correlations are
// those of truncate_square for as many elements: this one only spares passes over memory.
// x and y must not overlap.
Conversation truncate_quadratic(Party& party, unsigned shift, ChannelQuadratics coefficients,
                                std::span<const ElementRun> runs, std::size_t image,
                                std::span<const Ring> x, std::span<Ring> y);

// y = x >> shift, failing with the probability above. No communication.
void truncate_local(const Party& party, unsigned shift, std::span<const Ring> x, std::span<Ring> y);

}  // namespace hush::mpc
