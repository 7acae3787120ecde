// A real GPU as the device under test; it runs threads in an order of its own.
#include "../device_under_test.h"
#include "cuda/register.h"

namespace hush::cuda {

std::string register_device_under_test() {
  return register_cuda();
}

int thread_orders() {
  return 1;
}

void set_thread_order(int) {}

}  // namespace hush::cuda
