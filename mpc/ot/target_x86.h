// Regions of a file that are compiled for more than the baseline instruction set. (g++ and clang
// name them differently.)
#pragma once

#define HUSH_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define HUSH_TARGET_BEGIN(features) \
  HUSH_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define HUSH_TARGET_END _Pragma("clang attribute pop")
#else
#define HUSH_TARGET_BEGIN(features) _Pragma("GCC push_options") HUSH_PRAGMA(GCC target(features))
#define HUSH_TARGET_END _Pragma("GCC pop_options")
#endif
