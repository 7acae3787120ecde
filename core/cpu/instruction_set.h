// $HUSH_SIMD: the widest instruction set that kernels may use: "none", "avx2" or "avx512".
//
// Vector width decides the order of sums. Who wants one machine's run repeated to the last bit on
// another, or to know what a smaller processor would reach, sets it.
#pragma once

namespace hush {

// Obeys $HUSH_SIMD, once, before the first kernel runs. Throws Error for a word it does not know.
void limit_instruction_set();

}  // namespace hush
