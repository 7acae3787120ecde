// What this machine's arithmetic can do at most: loops that touch registers only. Speeds of kernels
// are told as a ratio to these, measured in the same run, so that they mean something elsewhere.
#pragma once

namespace hush::bench {

// Multiply-adds of one thread in 10^9 operations a second, a multiply-add counted as two.
double float_peak();
double ring_peak();

// Seconds of processor time that the calling thread has used.
double thread_seconds();

}  // namespace hush::bench
