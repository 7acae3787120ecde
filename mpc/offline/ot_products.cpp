#include "mpc/offline/ot_products.h"

#include "core/ops/convolution.h"
#include "core/ops/elementwise.h"
#include "mpc/ot/gilboa.h"

namespace hush::mpc {
namespace {

std::span<const Ring> view(const SecretWords& words) {
  return {words.data(), words.size()};
}
std::span<Ring> view(SecretWords& words) {
  return {words.data(), words.size()};
}

const Conv2d* convolution_of(const CorrelationRequest& product) {
  return dynamic_cast<const Conv2d*>(product.op.get());
}

// The patches of one group as a matrix; zero where a patch hangs over the border.
SecretWords patches(const CorrelationRequest& product, const MatrixForm& form, std::size_t group,
                    const SecretWords& a) {
  const ConvOptions& options = convolution_of(product)->options();
  const std::int64_t height = product.x[1], width = product.x[2], channels = product.x[3];
  const std::int64_t depth = product.w[2];
  const std::int64_t out_height = options.output(height, product.w[0]);
  const std::int64_t out_width = options.output(width, product.w[1]);
  SecretWords matrix(form.shape.rows * form.shape.inner);
  Ring* next = matrix.data();
  for (std::int64_t row = 0; row < std::int64_t(form.shape.rows); ++row) {
    const std::int64_t image = row / (out_height * out_width);
    const std::int64_t top = row / out_width % out_height * options.stride - options.padding;
    const std::int64_t left = row % out_width * options.stride - options.padding;
    for (std::int64_t y = top; y < top + product.w[0]; ++y)
      for (std::int64_t x = left; x < left + product.w[1]; ++x, next += depth) {
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const std::int64_t pixel = (image * height + y) * width + x;
        std::copy_n(a.data() + pixel * channels + std::int64_t(group) * depth, depth, next);
      }
  }
  return matrix;
}

SecretWords data_matrix(const CorrelationRequest& product, const MatrixForm& form,
                        std::size_t group, const SecretWords& a) {
  if (convolution_of(product) != nullptr) return patches(product, form, group, a);
  SecretWords copy(a.size());
  std::copy(a.begin(), a.end(), copy.begin());
  return copy;
}

// Weights have all groups' columns side by side.
SecretWords weight_matrix(const MatrixForm& form, std::size_t group, const SecretWords& b) {
  const auto [rows, inner, columns] = form.shape;
  SecretWords matrix(inner * columns);
  for (std::size_t t = 0; t < inner; ++t)
    std::copy_n(b.data() + (t * form.groups + group) * columns, columns,
                matrix.data() + t * columns);
  return matrix;
}

void add_columns(const MatrixForm& form, std::size_t group, const SecretWords& share,
                 SecretWords& sum) {
  const std::size_t columns = form.shape.columns;
  for (std::size_t i = 0; i < share.size(); ++i)
    sum[(i / columns * form.groups + group) * columns + i % columns] += share[i];
}

// One cross term: the sender's weights times the receiver's data.
void cross_term(OtPair& pair, const CorrelationRequest& product, const MatrixForm& form, int sender,
                const SecretWords& a, const SecretWords& b, SecretWords& sum) {
  SecretWords share(form.shape.rows * form.shape.columns);
  for (std::size_t group = 0; group < form.groups; ++group) {
    pair.one_way(
        sender,
        [&](OtSender& ot) {
          if (form.elementwise) return gilboa_send(ot, 64, 64, view(b), view(share));
          const SecretWords matrix = weight_matrix(form, group, b);
          matrix_product_send(ot, form.shape, 64, 64, view(matrix), view(share));
        },
        [&](OtReceiver& ot) {
          if (form.elementwise) return gilboa_receive(ot, 64, 64, view(a), view(share));
          const SecretWords matrix = data_matrix(product, form, group, a);
          matrix_product_receive(ot, form.shape, 64, 64, view(matrix), view(share));
        });
    add_columns(form, group, share, sum);
  }
}

}  // namespace

MatrixForm matrix_form(const CorrelationRequest& product) {
  const Shape operands[] = {product.x, product.w};
  const Shape y = product.op->output_shape(operands);
  if (const Conv2d* convolution = convolution_of(product)) {
    const auto groups = std::size_t(convolution->options().groups);
    return {false,
            groups,
            {std::size_t(y[0] * y[1] * y[2]),
             std::size_t(product.w[0] * product.w[1] * product.w[2]), std::size_t(y[3]) / groups}};
  }
  if (dynamic_cast<const Linear*>(product.op.get()) != nullptr)
    return {false, 1, {std::size_t(y[0]), std::size_t(product.x[1]), std::size_t(y[1])}};
  require(dynamic_cast<const Multiply*>(product.op.get()) != nullptr,
          "OT provider: it has no form of the op {} as matrix products; use a dealer",
          product.op->name());
  return {true, 1, {std::size_t(y.elements()), 1, 1}};
}

SecretWords cross_products(OtPair& pair, const CorrelationRequest& product, const SecretWords& a,
                           const SecretWords& b) {
  const MatrixForm form = matrix_form(product);
  SecretWords sum(form.shape.rows * form.shape.columns * form.groups);
  cross_term(pair, product, form, 0, a, b, sum);
  if (product.ownership == Ownership::shared) cross_term(pair, product, form, 1, a, b, sum);
  return sum;
}

}  // namespace hush::mpc
