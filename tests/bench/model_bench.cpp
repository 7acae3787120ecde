// The Hush side of versus_pytorch.py: times one case in a process of its own.
//
// usage: model_bench MODEL train|infer BATCH REPEATS [PROFILE]
// Prints one JSON object: the median seconds of a step and the process's peak memory in MiB. With
// a fifth argument, the seconds that the forward pass spends in each op go to standard error.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/passes.h"
#include "core/random.h"
#include "core/thread_pool.h"
#include "nn/models.h"
#include "nn/optimizer.h"

namespace {

using namespace hush;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Tensor random_images(std::int64_t batch) {
  const Tensor images = Tensor::empty({batch, 32, 32, 3}, DType::float32);
  RandomStream stream(1, RandomUse::test);
  for (float& value : images.values<float>()) value = stream.normal();
  return images;
}

// Where a pass spends its time, by op name and output shape.
class Profile {
 public:
  Observer observer(const Graph& graph) {
    last_ = Clock::now();
    return [this, &graph](NodeId node, const Tensor& value) {
      const auto now = Clock::now();
      total_[fmt::format("{:20} {:24}", graph[node].op->name(), value.shape().text())] +=
          std::chrono::duration<double>(now - last_).count();
      last_ = now;
    };
  }
  void print() const {
    for (const auto& [name, seconds] : total_)
      fmt::print(stderr, "{} {:9.3f} ms\n", name, 1e3 * seconds);
  }

 private:
  Clock::time_point last_;
  std::map<std::string, double> total_;
};

// Calls step once to warm up, then `repeats` times; the median.
template <class F>
double median_seconds(int repeats, F step) {
  std::vector<double> times;
  step();
  for (int i = 0; i < repeats; ++i) {
    const auto start = Clock::now();
    step();
    times.push_back(seconds_since(start));
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

double time_training(const Graph& model, std::int64_t batch, int repeats, bool profile) {
  const LossGraph loss = with_loss(fuse_for_training(model), 0);
  nn::OptimizerOptions options;
  options.weight_decay = 5e-4f;
  const auto optimizer = nn::make_optimizer(options, nn::named_parameters(loss.graph));
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < batch; ++i) labels.push_back(std::int32_t(i % 10));
  const std::array inputs{random_images(batch), Tensor::from({batch}, labels)};
  Profile times;
  const double median = median_seconds(repeats, [&] {
    TrainingPass pass(loss.graph, {});
    pass.forward(inputs, profile ? times.observer(loss.graph) : Observer());
    const std::vector<Tensor> by_node = pass.backward();
    std::vector<Tensor> gradients;
    for (const NodeId p : loss.graph.of_kind(NodeKind::parameter))
      gradients.push_back(by_node[std::size_t(p)]);
    optimizer->step(0.1, gradients);
  });
  if (profile) times.print();
  return median;
}

double time_inference(const Graph& model, std::int64_t batch, int repeats, bool profile) {
  const Graph folded = fold_for_inference(model);
  const std::array inputs{random_images(batch)};
  Profile times;
  const double median = median_seconds(repeats, [&] {
    evaluate(folded, inputs, {}, profile ? times.observer(folded) : Observer());
  });
  if (profile) times.print();
  return median;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: model_bench MODEL train|infer BATCH REPEATS [PROFILE]\n");
    return 1;
  }
  const std::string mode = argv[2];
  const std::int64_t batch = std::atoll(argv[3]);
  const int repeats = std::atoi(argv[4]);
  const Graph model = nn::make_model(argv[1], 10, {1, 32, 32, 3}, 1);
  set_thread_count(2);
  const double seconds = mode == "train" ? time_training(model, batch, repeats, argc > 5)
                                         : time_inference(model, batch, repeats, argc > 5);
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  fmt::print("{{\"seconds\": {}, \"peak_mib\": {}}}\n", seconds, double(use.ru_maxrss) / 1024);
}
