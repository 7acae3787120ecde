// Squares, and quadratic polynomials with one square.
//
// Source: Beaver, CRYPTO 1991, for equal operands: with a pair (A, A²), open E = X - A; then
//   X² = A² + 2 E A + E²                                            (AutoReP, Eq. 3 and 4)
// Each party learns E, which is uniform. Message, both ways at once: E's share. 1 round, 8 bytes an
// element each. Offline: one square pair an element.
#pragma once

#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

// y = x². With x at f fraction bits, y is at 2 f.
Conversation square(Party& party, std::span<const Ring> x, std::span<Ring> y);
Cost predict_square(std::size_t count);
void demand_square(Demand& demand, std::size_t count);

// Public coefficients of c2 x² + c1 x + c0, already encoded so that all three terms have the same
// scale: with x at f fraction bits and c2 at g, c1 is at f + g, c0 and the result at 2 f + g.
// A coefficient that is secret belongs into the weights before x instead (core/passes.h folds it).
struct Quadratic {
  Ring c2 = 1, c1 = 0, c0 = 0;
};

// y = c2 x² + c1 x + c0. Costs one square.
Conversation quadratic(Party& party, Quadratic coefficients, std::span<const Ring> x,
                       std::span<Ring> y);
// The same with coefficients of its own for each channel, the last axis of x.
Conversation quadratic(Party& party, std::span<const Quadratic> channels, std::span<const Ring> x,
                       std::span<Ring> y);

}  // namespace hush::mpc
