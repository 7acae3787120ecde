// The emulated GPU as the device under test.
#include "../device_under_test.h"
#include "cuda/emulator/grid.h"
#include "cuda/register.h"

namespace hush::cuda {

std::string register_device_under_test() {
  return register_cuda();
}

int thread_orders() {
  return 3;
}

void set_thread_order(int order) {
  emulator::set_order(emulator::Order(order));
}

}  // namespace hush::cuda
