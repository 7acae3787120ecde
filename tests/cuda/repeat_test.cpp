// Repeated work as a CUDA graph: it gives what doing it each time gives, nothing of it is lost or
// lent to others in between, and what cannot be recorded is refused. On the emulated device, a
// replay hands blocks of memory out and takes them back in the recorded order, so that its guards
// notice a block that is used while it belongs to nobody.
#include <cstring>

#include "cuda/error.h"
#include "device_under_test.h"
#include "tests/nn/replacement_runs.h"

namespace hush::cuda {
namespace {

class Repeat : public DeviceTest {};

Tensor empty_like(const Tensor& t) {
  return Tensor::empty(t.shape(), t.dtype(), t.device());
}

// silu(x) · w, with a copy, a fill and a temporary in between.
Tensor some_work(Backend& b, const Tensor& x, const Tensor& w) {
  const Tensor bent = empty_like(x), sum = Tensor::zeros(x.shape(), DType::float32, x.device());
  b.map(Unary::silu, x, bent);
  b.axpby(1, bent.clone(), 1, sum);
  const Tensor y = Tensor::empty({x.shape()[0], w.shape()[1]}, DType::float32, x.device());
  b.gemm({}, sum, w, y);
  return y;
}

TEST_F(Repeat, EveryRunSeesTheInputsOfItsTime) {
  for (int order = 0; order < thread_orders(); ++order) {
    set_thread_order(order);
    const Tensor x = reals({37, 20}).to(kDevice), w = reals({20, 9}).to(kDevice);
    int calls = 0;
    Tensor y;
    const auto work = device().repeat([&] {
      ++calls;
      y = {};
      y = some_work(device(), x, w);
    });
    for (int run = 0; run < 5; ++run) {
      SCOPED_TRACE(fmt::format("run {}", run));
      const Tensor input = reals({37, 20}, float(-run - 1), float(run));
      x.assign(input);
      const Tensor expected = some_work(device(), input.to(kDevice), w).to({});
      const Tensor other =
          Tensor::zeros({37, 9}, DType::float32, kDevice);  // of the same size as y
      work->run();
      expect_equal(y.to({}), expected, 0, "y");
      expect_equal(other.to({}), Tensor::zeros({37, 9}, DType::float32), 0, "a stranger's tensor");
    }
    EXPECT_EQ(calls, 2);  // as usual, then recorded
  }
}

// Pieces of a larger program may come between: the results stay where they are.
TEST_F(Repeat, ResultsKeepUntilTheNextRun) {
  const Tensor x = reals({64}).to(kDevice);
  Tensor y;
  const auto work = device().repeat([&] {
    y = {};
    y = empty_like(x);
    device().map(Unary::square, x, y);
  });
  for (int run = 0; run < 3; ++run) {
    work->run();
    const Tensor before = y.to({});
    std::vector<Tensor> many;
    for (int i = 0; i < 20; ++i) many.push_back(Tensor::zeros({64}, DType::float32, kDevice));
    expect_equal(y.to({}), before, 0, "y");
  }
}

TEST_F(Repeat, WhatTheHostWouldHaveToDoIsRefused) {
  const Tensor x = reals({8}).to(kDevice), host = reals({8});
  const std::vector<std::function<void()>> impossible = {
      [&] { (void)x.to({}); }, [&] { x.assign(host); }, [&] { device().synchronize(); }};
  for (const auto& step : impossible) {
    const auto work = device().repeat([&] {
      device().map(Unary::square, x, x);
      step();
    });
    work->run();  // not recorded yet
    EXPECT_THROW(work->run(), CudaError);
    expect_equal(x.to({}).to(kDevice).to({}), x.to({}), 0, "the device still works");
  }
}

// What an earlier run left must be let go first, or the recording would need fresh memory.
TEST_F(Repeat, FreshMemoryIsRefused) {
  std::vector<Tensor> kept;
  const auto work =
      device().repeat([&] { kept.push_back(Tensor::zeros({100}, DType::float32, kDevice)); });
  work->run();
  EXPECT_THROW(work->run(), CudaError);
  EXPECT_NO_THROW((void)Tensor::zeros({100}, DType::float32, kDevice).to({}));
}

TEST_F(Repeat, AWrongLabelIsStillReported) {
  const Tensor logits = reals({2, 3}).to(kDevice), label = labels(2, 3).to(kDevice);
  const Tensor out = result({2, 3}).to(kDevice), loss = result({}).to(kDevice);
  const auto work =
      device().repeat([&] { device().softmax_cross_entropy(logits, label, 0, out, loss); });
  for (int run = 0; run < 3; ++run) work->run();
  EXPECT_NO_THROW(device().synchronize());
  label.assign(Tensor::from<std::int32_t>({2}, std::vector<std::int32_t>{0, 3}));
  work->run();
  EXPECT_THROW(device().synchronize(), ArgumentError);
}

TEST_F(Repeat, ATrainerWithRecordedStepsTrainsTheSame) {
  const auto train = [&](bool recorded) {
    nn::MemorySource source = nn::make_task(22, 8, 1);  // the last batch has 6
    nn::TrainerOptions options{.epochs = 2, .schedule = {.learning_rate = 0.05}};
    options.record_steps = recorded;
    std::vector<double> losses;
    const Graph model = nn::make_model("resnet8", 3, {1, 8, 8, 1}, 11).copied_to(kDevice);
    nn::Trainer(model, {}, options,
                {.on_step = [&](const nn::StepReport& s) { losses.push_back(s.loss); }})
        .run(source);
    return losses;
  };
  for (const Precision precision : {Precision::float32, Precision::bf16}) {
    device().set_precision(precision);  // bf16 allocates what it rounds
    const std::vector<double> plain = train(false), recorded = train(true);
    device().set_precision(Precision::float32);
    EXPECT_EQ(plain.size(), 6u);
    EXPECT_EQ(recorded, plain);
  }
}

// Recorded twice: with the gates' gradients, and with norms and gates that stay. Of nine steps the
// fifth is the last with gates that move; every third has a smaller batch, which is not recorded.
TEST_F(Repeat, AReplacementWithRecordedStepsIsTheSame) {
  const auto replace = [&](bool recorded) {
    nn::ReplacementOptions options = nn::quick({});
    options.epochs = 3;
    options.ramp_end = 0.3;
    options.freeze_at = 0.5;
    options.record_steps = recorded;
    std::vector<double> losses;
    const Graph network = nn::make_model("resnet8", 3, nn::kImage, 1).copied_to(kDevice);
    nn::MemorySource source = nn::make_task(22, 8, 1);
    nn::ReplacementTrainer trainer(
        network, nn::task_info(), options,
        {.on_step = [&](const nn::StepReport& s, std::int64_t) { losses.push_back(s.loss); }});
    EXPECT_EQ(trainer.run(source), nn::Ending::finished);
    return losses;
  };
  const std::vector<double> plain = replace(false);
  EXPECT_EQ(plain.size(), 9u);
  EXPECT_EQ(replace(true), plain);
}

}  // namespace
}  // namespace hush::cuda
