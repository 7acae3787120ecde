// Which instruction sets files with Highway's SIMD code are compiled for; include it before
// anything of Highway's.
//
// Three are enough: the portable fallback (what every x86-64 has, or any other machine), AVX2 with
// FMA, and AVX-512. The ones between cost build time and bring little.
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
