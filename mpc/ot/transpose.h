// Bit-matrix transposition: 128 columns of bits into rows of one Block each.
//
// OT extension makes its correlations column by column (one column per bit of delta) and uses them
// row by row (one Block per OT).
#pragma once

#include <cstddef>

#include "mpc/ot/block.h"

namespace hush::mpc {

// Rows are made in groups of this many.
inline constexpr std::size_t kTransposeGroup = 512;

// Bit j of rows[i] becomes bit i of column j, for j < 128 and i < 512 * groups. Column j starts at
// columns + j * stride (in Blocks), its bit i being bit i % 128 of block i / 128. A stride that is
// not a multiple of 4 kB keeps the columns from competing for the same cache sets.
using TransposeFunction = void (*)(const Block* columns, std::size_t stride, std::size_t groups,
                                   Block* rows);
void transpose_columns(const Block* columns, std::size_t stride, std::size_t groups, Block* rows);

// The form of transpose_columns for vectors of 128, 256 or 512 bits, or null where this machine has
// none; transpose_columns takes the widest.
TransposeFunction find_transpose(unsigned vector_bits);

}  // namespace hush::mpc
