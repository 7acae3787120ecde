// What PyTorch's checkpoints hold.
#include "nn/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/checkpoint.h"
#include "nn/models.h"
#include "tests/nn/torch_file_fixture.h"

namespace hush::nn {
namespace {

using testing::ElementsAre;

TEST_F(TorchFileTest, ReadsAMatrix) {
  const TorchFile file = open(kMatrix, bytes_of(kSix));
  ASSERT_EQ(file.entries().size(), 1u);
  EXPECT_EQ(file.entries()[0].name, "w");
  EXPECT_EQ(file.entries()[0].shape, (Shape{2, 3}));
  EXPECT_EQ(floats(file.read("w")), kSix);
  EXPECT_TRUE(file.metadata().empty());
  EXPECT_THROW(file.read("v"), FileError);
}

TEST_F(TorchFileTest, FollowsStrides) {
  TorchTensor transposed = kMatrix;
  transposed.shape = {3, 2};
  transposed.strides = {1, 3};
  EXPECT_THAT(floats(open(transposed, bytes_of(kSix)).read("w")), ElementsAre(0, 3, 1, 4, 2, 5));
  // [2, 1, 2] with a gap, and any stride where there is one element.
  const TorchTensor gaps{
      .storage_elements = 6, .offset = 1, .shape = {2, 1, 2}, .strides = {2, 99, 2}};
  EXPECT_THAT(floats(open(gaps, bytes_of(kSix)).read("w")), ElementsAre(1, 3, 3, 5));
}

TEST_F(TorchFileTest, TensorsMayShareAStorage) {
  TorchTensor row = kMatrix;
  row.shape = {3};
  row.strides = {1};
  row.offset = 3;
  const TorchFile file = open(torch_archive(
      pickled_dict({{"all", kMatrix.pickled()}, {"row", row.pickled()}}), {bytes_of(kSix)}));
  EXPECT_EQ(floats(file.read("all")), kSix);
  EXPECT_THAT(floats(file.read("row")), ElementsAre(3, 4, 5));
}

TEST_F(TorchFileTest, ConvertsElementTypes) {
  const auto read = [&](const char* type, const std::string& storage, std::int64_t elements) {
    return open({.type = type, .storage_elements = elements, .shape = {elements}, .strides = {1}},
                storage)
        .read("w");
  };
  EXPECT_THAT(floats(read("DoubleStorage", bytes_of(std::vector<double>{0.5, -2}), 2)),
              ElementsAre(0.5f, -2.0f));
  EXPECT_THAT(floats(read("HalfStorage", bytes_of(std::vector<std::uint16_t>{0x3c00, 0xc100}), 2)),
              ElementsAre(1.0f, -2.5f));
  EXPECT_THAT(
      floats(read("BFloat16Storage", bytes_of(std::vector<std::uint16_t>{0x3f80, 0xc020}), 2)),
      ElementsAre(1.0f, -2.5f));
  const Tensor counter = read("LongStorage", bytes_of(std::int64_t{-7}), 1);
  EXPECT_EQ(counter.values<std::int32_t>()[0], -7);
  EXPECT_EQ(read("IntStorage", bytes_of(std::int32_t{9}), 1).values<std::int32_t>()[0], 9);
  EXPECT_EQ(read("ByteStorage", "\x07", 1).values<std::uint8_t>()[0], 7);
  EXPECT_EQ(read("BoolStorage", "\x01", 1).values<std::uint8_t>()[0], 1);
  const TorchFile large =
      open({.type = "LongStorage", .storage_elements = 1}, bytes_of(std::int64_t{1} << 40));
  EXPECT_EQ(large.entries()[0].shape, Shape{});
  EXPECT_THROW(large.read("w"), FileError);
}

TEST_F(TorchFileTest, EmptyTensorsAreFine) {
  const TorchTensor empty{.storage_elements = 0, .shape = {0, 4}, .strides = {4, 1}};
  EXPECT_EQ(open(empty, "").read("w").shape(), (Shape{0, 4}));
}

TEST_F(TorchFileTest, TakesTheStateDictOfACheckpoint) {
  const std::string model = pickled_dict({{"w", kMatrix.pickled()}});
  const std::string nested = "}(" + pickled_text("epoch") + "K\x05" + pickled_text("best") +
                             std::string("G\0\0\0\0\0\0\0\0", 9) + pickled_text("optimizer") + "}" +
                             pickled_text("groups") + "](K\1Nes" + pickled_text("state_dict") +
                             model + "u";
  EXPECT_EQ(floats(open(torch_archive(nested, {bytes_of(kSix)})).read("w")), kSix);
}

TEST_F(TorchFileTest, UnwrapsParameters) {
  const std::string parameter = pickled_name("torch._utils", "_rebuild_parameter") + "(" +
                                kMatrix.pickled() + "\x88" +
                                pickled_name("collections", "OrderedDict") + ")RtR";
  EXPECT_EQ(
      floats(open(torch_archive(pickled_dict({{"w", parameter}}), {bytes_of(kSix)})).read("w")),
      kSix);
}

TEST_F(TorchFileTest, ReadsZip64) {
  EXPECT_EQ(floats(open(torch_archive(pickled_dict({{"w", kMatrix.pickled()}}), {bytes_of(kSix)},
                                      {.zip64 = true}))
                       .read("w")),
            kSix);
}

// Protocol 4 frames its pickles and names things from the stack.
TEST_F(TorchFileTest, ReadsProtocol4) {
  const auto text = [](const std::string& value) {
    return "\x8c" + std::string(1, char(value.size())) + value + "\x94";
  };
  const std::string ordered = text("collections") + text("OrderedDict") + "\x93\x94)R\x94";
  const std::string zero(1, '\0');
  const std::string tensor = text("torch._utils") + text("_rebuild_tensor_v2") + "\x93\x94((" +
                             text("storage") + text("torch") + text("FloatStorage") + "\x93\x94" +
                             text("0") + text("cpu") + "K\6t\x94QK" + zero +
                             "K\2K\3\x86\x94K\3K\1\x86\x94\x89" + "h\2)R\x94t\x94R\x94";
  const std::string body = ordered + "(" + text("w") + tensor + "u.";
  const std::string pickle =
      std::string("\x80\x04\x95", 3) + bytes_of(std::uint64_t(body.size())) + body;
  EXPECT_EQ(floats(open(zip_of({{"archive/data.pkl", pickle}, {"archive/data/0", bytes_of(kSix)}}))
                       .read("w")),
            kSix);
}

// Every weight of a network under a wrapper's prefix, and the counters that a model does not have.
TEST_F(TorchFileTest, LoadsIntoANetwork) {
  const Graph saved = make_model("resnet8", 10, {1, 8, 8, 3}, 1);
  const Graph loaded = make_model("resnet8", 10, {1, 8, 8, 3}, 2);
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> storages;
  for (const NamedTensor& weight : weights_for_file(saved)) {
    TorchTensor tensor{.key = std::to_string(storages.size()),
                       .storage_elements = weight.value.elements()};
    std::int64_t stride = weight.value.elements();
    for (const std::int64_t extent : weight.value.shape()) {
      tensor.shape.push_back(extent);
      tensor.strides.push_back(stride /= extent);
    }
    items.emplace_back("module." + weight.name, tensor.pickled());
    storages.push_back(bytes_of(floats(weight.value)));
  }
  items.emplace_back(
      "module.bn1.num_batches_tracked",
      TorchTensor{
          .type = "LongStorage", .key = std::to_string(storages.size()), .storage_elements = 1}
          .pickled());
  storages.push_back(bytes_of(std::int64_t{1} << 40));
  const auto path = scratch_.write("all.pth", torch_archive(pickled_dict(items), storages));
  load_weights(loaded, *open_weight_file(path));
  EXPECT_EQ(weights_digest(loaded), weights_digest(saved));
}

}  // namespace
}  // namespace hush::nn
