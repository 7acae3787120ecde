// Every op of the table on the device under test, as tests/core does it on the CPU: against its
// definition in double, its gradients against central differences, and over the ring.
#include "device_under_test.h"
#include "tests/support/op_conformance.h"

namespace hush::cuda {
namespace {

class DeviceOpTest : public DeviceTest, public testing::WithParamInterface<OpCase> {};

TEST_P(DeviceOpTest, AgreesWithItsDefinition) {
  for (int order = 0; order < thread_orders(); ++order) {
    SCOPED_TRACE("thread order " + std::to_string(order));
    set_thread_order(order);
    check_op(GetParam(), kDevice);
  }
}

INSTANTIATE_TEST_SUITE_P(Cuda, DeviceOpTest, testing::ValuesIn(op_cases()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace hush::cuda
