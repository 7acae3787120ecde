// Every op of the table on the CPU, with every instruction set that this machine has: against its
// definition in double, its gradients against central differences, and over the ring.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "core/backend.h"
#include "tests/support/op_conformance.h"

namespace hush {
namespace {

struct Row {
  OpCase one;
  std::int64_t instruction_set;
  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.one.name; }
};

std::vector<Row> rows() {
  const std::int64_t supported = hwy::SupportedTargets();
  std::vector<Row> result;
  for (const std::int64_t set : {HWY_AVX3, HWY_AVX2, HWY_SCALAR})  // the last: what is left
    for (const OpCase& one : op_cases())
      if (set == HWY_SCALAR || (supported & set) != 0) result.push_back({one, set});
  return result;
}

class OpTest : public testing::TestWithParam<Row> {
 protected:
  OpTest() { hwy::SetSupportedTargetsForTest(GetParam().instruction_set); }
  ~OpTest() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(OpTest, AgreesWithItsDefinition) {
  check_op(GetParam().one, {});
}

INSTANTIATE_TEST_SUITE_P(Cpu, OpTest, testing::ValuesIn(rows()), [](const auto& row) {
  return row.param.one.name + "_" + hwy::TargetName(row.param.instruction_set);
});

TEST(OpShapeTest, WrongShapesAreRefusedByNameAndShape) {
  for (const ShapeErrorCase& c : shape_error_cases()) {
    try {
      c.op->output_shape(c.shapes);
      ADD_FAILURE() << "accepted: " << c.message;
    } catch (const ArgumentError& error) {
      EXPECT_NE(std::string(error.what()).find(c.message), std::string::npos)
          << error.what() << "\nshould contain\n"
          << c.message;
    }
  }
}

TEST(OpShapeTest, ShapeRuleForeseesTheOutput) {
  for (const OpCase& c : op_cases()) {
    std::vector<Shape> shapes;
    for (const OpInput& input : c.inputs) shapes.push_back(input.shape);
    EXPECT_EQ(c.op->output_shape(shapes), c.reference(float_inputs(c)).shape) << c.name;
  }
}

TEST(OpTest, FusedConvolutionRefusesTraining) {
  const Conv2d op({1, 1, 1}, {.relu = true});
  const std::vector<Tensor> inputs(2);
  const BackwardArguments arguments{inputs, {}, {}, {}, {}, {}};
  EXPECT_THROW(op.backward({}, arguments), ArgumentError);
}

TEST(OpCountTest, CountsMultiplyAccumulatesAndRelus) {
  const Shape x{1, 8, 8, 16}, w{3, 3, 4, 32}, c{16};
  const Conv2d conv({2, 1, 4}), fused({2, 1, 4}, {.relu = true});
  EXPECT_EQ(conv.count(std::vector<Shape>{x, w}, {}).macs, 4 * 4 * 32 * 3 * 3 * 4);
  EXPECT_EQ(conv.count(std::vector<Shape>{x, w}, {}).relus, 0);
  EXPECT_EQ(fused.count(std::vector<Shape>{x, w}, {}).relus, 4 * 4 * 32);
  EXPECT_EQ(Linear(true).count(std::vector<Shape>{{1, 64}, {64, 10}, {10}}, {}).macs, 640);
  EXPECT_EQ(Map(Unary::relu).count(std::vector<Shape>{x}, {}).relus, 8 * 8 * 16);
  EXPECT_EQ(Map(Unary::silu).count(std::vector<Shape>{x}, {}).relus, 0);
  const std::vector<Shape> norm{x, c, c, c, c};
  EXPECT_EQ(BatchNorm({.relu = true}).count(norm, {}).relus, 8 * 8 * 16);
  EXPECT_EQ(BatchNorm({}).count(norm, {}).relus, 0);
}

TEST(OpOptionsTest, OptionsThatChangeResultsShowInTheText) {
  EXPECT_EQ(Conv2d({2, 1, 4}, {.bias = true, .relu = true}).options_text(),
            "stride 2 padding 1 groups 4 bias relu");
  EXPECT_EQ(Pool({PoolKind::max, 3, 2, 1}).options_text(), "kernel 3 stride 2 padding 1");
  EXPECT_EQ(Pool({PoolKind::average, 0, 1, 0}).options_text(), "global");
  EXPECT_EQ(SubsamplePad(2, 4, 32).options_text(), "stride 2 before 4 channels 32");
  EXPECT_NE(BatchNorm({.epsilon = 1e-3f}).options_text(), BatchNorm({}).options_text());
  EXPECT_NE(SoftmaxCrossEntropy(0.1f).options_text(), SoftmaxCrossEntropy().options_text());
}

}  // namespace
}  // namespace hush
