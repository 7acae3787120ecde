// The inner loop of evaluation: one strip of keys from the roots to the last level, in several
// instruction sets behind one table, as in mpc/ot/aes.h. All give the same blocks.
#pragma once

#include "mpc/dcf/dcf.h"
#include "mpc/ot/aes.h"

namespace hush::mpc {

// Arrays of kDcfStrip blocks, [j][kDcfStrip] for several.
struct DcfWalk {
  const AesKey* key;
  DcfShape shape;
  const Block* points;       // {lo: x mod 2^n, hi: 0}
  const Block* corrections;  // of this strip
  Block* nodes;              // in: roots with the party's number in bits 0 … 2; out: last nodes
  Block* sums;               // [final_blocks]; out: the values so far; a one-bit β in bit 2
};

using DcfWalkFunction = void (*)(const DcfWalk& walk);

// Of one instruction set, or null where this machine cannot run it.
DcfWalkFunction find_dcf_walk(AesPath path);
// The fastest of this machine.
DcfWalkFunction dcf_walk();

// For find_dcf_walk alone.
DcfWalkFunction find_x86_dcf_walk(AesPath path);

// The side that the walk took last: which of bits 0 and 1 of a last node is its "on path" bit.
inline unsigned last_side(const DcfShape& shape, Ring point) {
  return unsigned(point >> (shape.domain_bits - shape.levels()) & 1);
}

inline constexpr std::uint64_t kDcfControlBits = 7;

}  // namespace hush::mpc
