// Images that run away through the polynomials until the loss is not a number.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/nn/replacement_runs.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

// A source with a pixel of that value in the batch of one number; with `every`, in all from there
// on.
class OverflowingSource final : public BatchSource {
 public:
  OverflowingSource(std::int64_t first, bool every, float pixel = 1e38f)
      : first_(first), every_(every), pixel_(pixel) {}
  std::int64_t batches_per_epoch() const override { return source_.batches_per_epoch(); }
  void start_epoch(std::int64_t epoch, std::int64_t first_batch) override {
    source_.start_epoch(epoch, first_batch);
    next_ = epoch * batches_per_epoch() + first_batch;
  }
  std::optional<Batch> next() override {
    std::optional<Batch> batch = source_.next();
    const bool overflows = every_ ? next_ >= first_ : next_ == first_;
    if (batch && overflows) batch->images.values<float>()[0] = pixel_;
    ++next_;
    return batch;
  }

 private:
  MemorySource source_ = make_task(32 * 6, 32, 1);
  std::int64_t first_, next_ = 0;
  bool every_;
  float pixel_;
};

// Step 11 of 12 is the first after freezing at 10.
TEST(ReplacementTrainer, ABatchThatOverflowsIsLeftOutOnceNormsAreFixed) {
  const Scratch scratch;
  ReplacementOptions options = quick(scratch.path("m.safetensors"));
  std::vector<double> losses;
  std::vector<Score> scores;
  const ReplacementCallbacks callbacks{
      .on_step = [&](const StepReport& step, std::int64_t) { losses.push_back(step.loss); },
      .on_epoch = [&](const ReplacementEpoch& e) { scores.push_back(e.epoch.train); }};
  ReplacementTrainer trainer(make_model("resnet8", 3, kImage, 1), task_info(), options, callbacks);
  OverflowingSource one(10, false);
  EXPECT_EQ(trainer.run(one), Ending::finished);
  ASSERT_EQ(losses.size(), 12u);
  EXPECT_FALSE(std::isfinite(losses[10]));
  EXPECT_TRUE(std::isfinite(losses[11]));
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_EQ(scores[0].images, 32 * 6);
  EXPECT_EQ(scores[1].images, 32 * 5);  // it is not scored either
  EXPECT_TRUE(std::isfinite(scores[1].loss()));
  for (const auto& [name, value] : weights_for_file(trainer.model()))
    for (const float x : value.values<float>()) ASSERT_TRUE(std::isfinite(x)) << name;
}

TEST(ReplacementTrainer, OverflowsThatDoNotEndAreAnError) {
  ReplacementOptions options = quick({});
  options.epochs = 10;  // of 60 steps 12 come after freezing
  ReplacementTrainer fixed(make_model("resnet8", 3, kImage, 1), task_info(), options);
  OverflowingSource late(48, true);
  EXPECT_THROW(fixed.run(late), NumericError);
  EXPECT_GT(fixed.progress().step, 48);
  options.fix_norms = false;
  ReplacementTrainer moving(make_model("resnet8", 3, kImage, 1), task_info(), options);
  OverflowingSource late_too(48, true, NAN);  // which they would hold back otherwise
  EXPECT_THROW(moving.run(late_too), NumericError);
  EXPECT_EQ(moving.progress().step, 48);
}

}  // namespace
}  // namespace hush::nn
