// The plan of a network in the clear, and what it tells of the range of fixed point.
#include "mpc/secure/ranges.h"

#include <gtest/gtest.h>

#include "tests/mpc/secure/networks.h"

namespace hush::mpc::test {
namespace {

const Shape kImage = {1, 16, 16, 3};

double largest_difference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.values<float>().size(); ++i)
    largest = std::max(largest, std::abs(double(a.values<float>()[i]) - b.values<float>()[i]));
  return largest;
}

SecureOptions with_range(int bits) {
  SecureOptions options;
  options.relu = ReluMethod::dcf_select;
  options.range_bits = bits;
  return options;
}

TEST(SecureRanges, ThePlanInTheClearIsTheNetwork) {
  struct Case {
    const char* name;
    Shape image;
    double relus;  // share of them that stays; 1: not replaced
  };
  for (const Case& c :
       {Case{"resnet8", kImage, 1}, Case{"resnet8", kImage, 0.3},
        Case{"wrn-22-8", {1, 8, 8, 3}, 0.3}, Case{"resnet18-imagenet", {1, 32, 32, 3}, 1},
        Case{"efficientnet-b0", {1, 32, 32, 3}, 1}}) {
    SCOPED_TRACE(c.name);
    Graph graph = settled_model(c.name, c.image);
    if (c.relus < 1) graph = replaced(graph, c.image, c.relus);
    const Tensor images = random_images(c.image.with(0, 3));
    const SecureNetwork network(graph, with_range(14));
    EXPECT_LT(largest_difference(run_clear(network, images),
                                 evaluate(graph, std::vector<Tensor>{images})),
              c.relus < 1 ? 0.1 : 2e-3)
        << "coefficients are rounded to 12 bits";
  }
}

// One layer's weights are made so large that its sums leave a range of 2^4.
class TooLarge : public testing::Test {
 protected:
  static constexpr const char* kLayer = "layer2.0.conv1.relu";

  TooLarge() : graph_(settled_model("resnet8", kImage)), images_(random_images(kImage)) {
    const Tensor gamma = graph_[graph_.find("layer2.0.bn1.weight")].value;
    for (float& value : gamma.values<float>()) value *= 10;
  }

  Graph graph_;
  Tensor images_;
};

TEST_F(TooLarge, IsToldInAdvanceByLayer) {
  const SecureNetwork network(graph_, with_range(4));
  const RangeRecord record = clear_ranges(network, images_);
  bool found = false;
  for (const StepRange& range : record.ranges()) {
    SCOPED_TRACE(range.name);
    EXPECT_GT(range.largest, 0);
    EXPECT_EQ(range.beyond > 0, range.largest >= range.limit);
    if (range.name != kLayer) continue;
    found = true;
    EXPECT_EQ(range.limit, 16);
    EXPECT_GT(range.beyond, 0);
  }
  EXPECT_TRUE(found);
  EXPECT_GT(range_bits_for(record), 4);
}

TEST_F(TooLarge, IsWrongOnSharesUntilTheRangeIsWhatWasAdvised) {
  EXPECT_GT(run_secure(graph_, with_range(4), images_, 1).largest_error(), 0.1);
  const int bits = range_bits_for(clear_ranges(SecureNetwork(graph_, with_range(4)), images_));
  EXPECT_LT(run_secure(graph_, with_range(bits), images_, 1).largest_error(), 2e-2);
}

// What the debug mode compares: both shares of a step's input add up to the clear one.
TEST_F(TooLarge, ShowsOnSharesWhereItBegins) {
  const SecureNetwork network(graph_, with_range(4));
  Demand demand = network.demand_set_up();
  demand.add(network.demand(1));
  Generator generator = Generator::deterministic_for_tests(4);
  const auto inputs = share(network.encode_images(images_), generator);
  std::array<std::vector<Tensor>, 2> shown;
  run_dealt(demand, [&](Party& party) {
    const auto id = std::size_t(party.id());
    SecureModel model(network);
    converse(party, model.set_up(party, weights_of_party(network, party.id())));
    PreparedQuery query = model.prepare(party.source(), 1);
    const Share logits{Tensor::empty(network.output_shape(1), DType::ring64)};
    const auto inspect = [&](const Step&, const Share& input) {
      shown[id].push_back(input.part.clone());
    };
    converse(party, model.infer(party, std::move(query), inputs[id], logits, {}, inspect));
  });
  std::size_t next = 0;
  bool wrong = false;
  run_clear(network, images_, [&](const Step& step, const Tensor& clear) {
    const Share parts[] = {Share{shown[0].at(next)}, Share{shown[1].at(next)}};
    ++next;
    const ValueInfo& value = network.values()[std::size_t(step.inputs().front())];
    double error = 0;
    const Tensor sum = reveal(parts[0], parts[1]);
    for (std::size_t i = 0; i < sum.values<Ring>().size(); ++i)
      error = std::max(
          error, std::abs(std::ldexp(double(std::int64_t(sum.values<Ring>()[i])), -value.scale) *
                              value.factor -
                          double(clear.values<float>()[i])));
    // Right up to the layer that compares what is too large; its shares are still right, too.
    if (!wrong) {
      EXPECT_LT(error, 0.05) << step.name();
    }
    wrong = wrong || step.name() == kLayer;
  });
  EXPECT_TRUE(wrong);
  EXPECT_EQ(next, shown[1].size());
}

}  // namespace
}  // namespace hush::mpc::test
