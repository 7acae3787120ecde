// A hint for loops that may run in place.
#pragma once

// Before a loop whose iteration i reads and writes only elements i: without it, compilers test
// whether the arrays overlap and run the loop unvectorised when an output is also an input.
#if defined(__clang__)
#define HUSH_INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
#else
#define HUSH_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#endif
