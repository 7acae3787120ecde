// What the backend does around NVIDIA's libraries, with others in their place that compute on the
// CPU: the order of weights, the epilogue, and what stays with our own kernels.
#include "cuda/vendor.h"

#include "../convolution_cases.h"
#include "cuda/error.h"
#include "cuda/kernels/conv_shape.h"
#include "cuda/register.h"

namespace hush::cuda {
namespace {

// Memory of the emulated device is host memory: a host tensor with a copy of it, and back.
Tensor host_copy(const Shape& shape, const float* from) {
  Tensor t = Tensor::empty(shape, DType::float32);
  std::copy(from, from + t.elements(), t.values<float>().begin());
  return t;
}
void give_back(const Tensor& t, float* to) {
  std::copy(t.values<float>().begin(), t.values<float>().end(), to);
}

struct Calls {
  int gemm = 0, convolution = 0;
};

class CpuGemm final : public VendorGemm {
 public:
  explicit CpuGemm(Calls& calls) : calls_(calls) {}
  void gemm(const Queue&, const GemmOptions& o, Precision, const float* a, const float* b, float* c,
            int m, int n, int k) override {
    ++calls_.gemm;
    const Tensor result = host_copy({m, n}, c);
    backend({}).gemm(o, host_copy(o.transpose_a ? Shape{k, m} : Shape{m, k}, a),
                     host_copy(o.transpose_b ? Shape{n, k} : Shape{k, n}, b), result);
    give_back(result, c);
  }

 private:
  Calls& calls_;
};

class CpuConvolution final : public VendorConvolution {
 public:
  explicit CpuConvolution(Calls& calls) : calls_(calls) {}
  void forward(const Queue&, const ConvShape& s, Precision, const float* x, const float* w,
               float* y) override {
    ++calls_.convolution;
    const Tensor result = Tensor::empty(out(s), DType::float32);
    backend({}).conv2d(options(s), host_copy(in(s), x), our_weights(s, w), {}, result);
    give_back(result, y);
  }
  void backward_input(const Queue&, const ConvShape& s, Precision, const float* dy, const float* w,
                      float* dx) override {
    ++calls_.convolution;
    const Tensor result = Tensor::empty(in(s), DType::float32);
    backend({}).conv2d_backward_input(options(s), host_copy(out(s), dy), our_weights(s, w), result);
    give_back(result, dx);
  }
  void backward_weight(const Queue&, const ConvShape& s, Precision, const float* x, const float* dy,
                       float* dw) override {
    ++calls_.convolution;
    const Tensor ours = Tensor::empty(
        {s.kernel_height, s.kernel_width, s.group_channels(), s.out_channels}, DType::float32);
    backend({}).conv2d_backward_weight(options(s), host_copy(in(s), x), host_copy(out(s), dy),
                                       ours);
    const Tensor theirs = Tensor::empty(their_shape(s), DType::float32);
    backend({}).permute(std::array{3, 0, 1, 2}, ours, theirs);
    give_back(theirs, dw);
  }

 private:
  static ConvOptions options(const ConvShape& s) { return {s.stride, s.padding, s.groups}; }
  static Shape in(const ConvShape& s) { return {s.images, s.height, s.width, s.channels}; }
  static Shape out(const ConvShape& s) {
    return {s.images, s.out_height, s.out_width, s.out_channels};
  }
  static Shape their_shape(const ConvShape& s) {
    return {s.out_channels, s.kernel_height, s.kernel_width, s.group_channels()};
  }
  static Tensor our_weights(const ConvShape& s, const float* w) {
    const Tensor ours = Tensor::empty(
        {s.kernel_height, s.kernel_width, s.group_channels(), s.out_channels}, DType::float32);
    backend({}).permute(std::array{1, 2, 3, 0}, host_copy(their_shape(s), w), ours);
    return ours;
  }

  Calls& calls_;
};

class Vendor : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    device().set_vendor(std::make_unique<CpuGemm>(calls_));
    device().set_vendor(std::make_unique<CpuConvolution>(calls_));
  }
  void TearDown() override {
    device().set_vendor(std::unique_ptr<VendorGemm>());
    device().set_vendor(std::unique_ptr<VendorConvolution>());
    DeviceTest::TearDown();
  }

  Calls calls_;
};

TEST_F(Vendor, FloatProductsGoThere) {
  for (int flags = 0; flags < 8; ++flags) {
    const GemmOptions o{(flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
    expect_parity({integers(o.transpose_a ? Shape{5, 3} : Shape{3, 5}),
                   integers(o.transpose_b ? Shape{4, 5} : Shape{5, 4}), integers({3, 4})},
                  [&](Backend& b, const std::vector<Tensor>& t) { b.gemm(o, t[0], t[1], t[2]); });
  }
  EXPECT_EQ(calls_.gemm, 8 * thread_orders());
}

TEST_F(Vendor, ConvolutionsWithTheirEpilogue) {
  for (const ConvCase& c : kConvCases) {
    SCOPED_TRACE(c.name);
    expect_parity({integers(c.x()), integers(c.w()), result(c.y()), integers({c.out_channels}, 50),
                   integers(c.y(), 50)},
                  [&](Backend& b, const std::vector<Tensor>& t) {
                    b.conv2d(c.options, t[0], t[1], {t[3], t[4], true}, t[2]);
                  });
    expect_parity({integers(c.y()), integers(c.w()), result(c.x())},
                  [&](Backend& b, const std::vector<Tensor>& t) {
                    b.conv2d_backward_input(c.options, t[0], t[1], t[2]);
                  });
    expect_parity({integers(c.x()), integers(c.y()), result(c.w())},
                  [&](Backend& b, const std::vector<Tensor>& t) {
                    b.conv2d_backward_weight(c.options, t[0], t[1], t[2]);
                  });
  }
  EXPECT_EQ(calls_.convolution, int(std::size(kConvCases)) * 3 * thread_orders());
}

// They round for themselves: an operand of ours would end in our own kernels.
TEST_F(Vendor, NothingIsRoundedForThemBeforehand) {
  const Tensor x = reals({1, 4, 4, 8}).to(kDevice);
  device().set_precision(Precision::bf16);
  const Tensor operand = device().conv_operand({1, 1, 1}, x, {3, 3, 8, 8});
  device().set_precision(Precision::float32);
  EXPECT_EQ(operand.raw(), x.raw());
}

TEST_F(Vendor, TheRingStaysHere) {
  const Tensor a = random_ring({3, 5}), b = random_ring({5, 4});
  expect_parity({a, b, result({3, 4}, DType::ring64)},
                [](Backend& d, const std::vector<Tensor>& t) { d.gemm({}, t[0], t[1], t[2]); });
  EXPECT_EQ(calls_.gemm, 0);
}

TEST_F(Vendor, WhatIsNotInTheBuildIsSaid) {
  for (const auto use : {use_cublas, use_cudnn}) {
    try {
      use(0);
      FAIL() << "the emulator has a library of NVIDIA's";
    } catch (const CudaError& error) {
      EXPECT_NE(std::string(error.what()).find("this build has no cu"), std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace hush::cuda
