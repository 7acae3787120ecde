#include "mpc/secure/product_steps.h"

#include "core/backend.h"
#include "mpc/online/product.h"
#include "mpc/online/ring_tensor.h"

namespace hush::mpc {
namespace {

// sum += residual << shift.
void add_residual(const Tensor& sum, const Share& residual, unsigned shift) {
  const auto to = sum.values<Ring>();
  const auto from = residual.words();
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i] << shift;
}

}  // namespace

ProductStep::ProductStep(std::string name, std::vector<int> inputs, int output,
                         ProductOptions options)
    : Step(std::move(name), std::move(inputs), output), options_(std::move(options)) {}

std::string_view ProductStep::kind() const {
  return options_.w.rank() == 4 ? "convolution" : "linear layer";
}

std::string ProductStep::text() const {
  const ProductOptions& o = options_;
  return fmt::format("{} {} {} w {} mask {}{}{} bits {}", o.op->name(), o.op->options_text(),
                     o.x.text(), o.w.text(), o.mask, o.bias ? " bias" : "",
                     o.residual_shift ? fmt::format(" residual << {}", *o.residual_shift) : "",
                     o.scale_bits);
}

std::int64_t ProductStep::macs() const {
  const Shape shapes[] = {options_.x, options_.w};
  return options_.op->count(shapes, {}).macs;
}

WeightLayer ProductStep::layer() const {
  return WeightLayer(
      {options_.op, options_.x, options_.w, options_.mask,
       options_.mode == WeightMode::owner ? Ownership::party0_weights : Ownership::shared, true});
}

void ProductStep::demand(Demand& demand, std::int64_t batch) const {
  if (interactive()) layer().demand_run(demand, batch);
}

Cost ProductStep::cost(std::int64_t batch) const {
  return interactive() ? layer().predict_run(batch) : Cost{};
}

Conversation ProductStep::run(Party& party, StepArguments arguments) const {
  const LoadedProduct& loaded = *arguments.loaded;
  if (interactive()) {
    PreparedInput prepared = std::move(*arguments.prepared);
    if (options_.residual_shift)
      add_residual(prepared.u(), arguments.inputs[1], *options_.residual_shift);
    co_await loaded.layer->run(party, std::move(prepared), arguments.inputs[0], arguments.output);
    co_return;
  }
  Tensor addend;
  if (options_.residual_shift || loaded.bias.defined())
    addend = Tensor::zeros(arguments.output.shape(), DType::ring64);
  if (options_.residual_shift) add_residual(addend, arguments.inputs[1], *options_.residual_shift);
  if (loaded.bias.defined()) backend({}).scale_shift(addend, {}, loaded.bias, addend);
  loaded.open.apply(arguments.inputs[0].part, addend, arguments.output.part);
}

Tensor ProductStep::run_clear(const ClearArguments& arguments) const {
  Tensor z = apply(*options_.op, arguments.inputs[0], arguments.weight);
  if (arguments.bias.defined()) backend({}).scale_shift(z, {}, arguments.bias, z);
  if (options_.residual_shift) add_to(z, arguments.inputs[1]);
  return z;
}

void MultiplyStep::demand(Demand& demand, std::int64_t batch) const {
  demand_product(demand, op_, x_.with(0, batch), y_.with(0, batch));
}

Cost MultiplyStep::cost(std::int64_t batch) const {
  return predict_product(x_.with(0, batch), y_.with(0, batch));
}

Conversation MultiplyStep::run(Party& party, StepArguments arguments) const {
  co_await product(party, op_, arguments.inputs[0], arguments.inputs[1], arguments.output);
}

Tensor MultiplyStep::run_clear(const ClearArguments& arguments) const {
  return apply(*op_, arguments.inputs[0], arguments.inputs[1]);
}

}  // namespace hush::mpc
