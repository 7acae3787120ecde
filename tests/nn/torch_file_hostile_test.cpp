// Checkpoints that are damaged or made to do harm: nothing of them is read or executed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nn/torch_file_fixture.h"

namespace hush::nn {
namespace {

using testing::HasSubstr;

TEST_F(TorchFileTest, RefusesWhatIsNoTensor) {
  EXPECT_THAT(value_error(pickled_name("os", "system") + "(" + pickled_text("touch owned") + "tR"),
              HasSubstr("refers to os.system, which files of plain tensors have no use for; "
                        "nothing of it was executed"));
  EXPECT_THAT(value_error(pickled_name("builtins", "eval")), HasSubstr("builtins.eval"));
  EXPECT_THAT(value_error(pickled_name("torch",
                                       "save\x1b"
                                       "[2J")),
              HasSubstr("torch.save?[2J"));
  EXPECT_THAT(value_error("(" + pickled_text("os\nsystem\n") + "i"), HasSubstr("opcode 0x69"));
  EXPECT_THAT(value_error("K\x05"), HasSubstr("holds no state dict"));
  EXPECT_THAT(error(torch_archive(pickled_dict({{"w", kMatrix.pickled()}, {"epoch", "K\x05"}}),
                                  {bytes_of(kSix)})),
              HasSubstr("'epoch' is no plain tensor"));
  EXPECT_THAT(
      error(torch_archive(pickled_dict({{"w", kMatrix.pickled()}, {"w", kMatrix.pickled()}}),
                          {bytes_of(kSix)})),
      HasSubstr("'w' appears twice"));
  EXPECT_THAT(value_error(pickled_text("torch._utils") + pickled_text("_rebuild_tensor_v2") + ")R"),
              HasSubstr("calls something that is no function"));
  TorchTensor quantized = kMatrix;
  quantized.type = "QInt8Storage";
  EXPECT_THAT(tensor_error(quantized), HasSubstr("torch.QInt8Storage"));
}

TEST_F(TorchFileTest, RefusesTensorsThatReachOutOfTheirStorage) {
  const auto broken = [](auto change) {
    TorchTensor tensor = kMatrix;
    change(tensor);
    return tensor;
  };
  EXPECT_THAT(tensor_error(broken([](auto& t) { t.offset = 1; })), HasSubstr("beyond its storage"));
  EXPECT_THAT(tensor_error(broken([](auto& t) { t.offset = -1; })),
              HasSubstr("beyond its storage"));
  EXPECT_THAT(tensor_error(broken([](auto& t) {
                t.strides = {4, 1};
              })),
              HasSubstr("beyond its storage"));
  EXPECT_THAT(tensor_error(broken([](auto& t) {
                t.strides = {-3, 1};
              })),
              HasSubstr("out of range"));
  EXPECT_THAT(tensor_error(broken([](auto& t) { t.strides = {3}; })),
              HasSubstr("2 sizes and 1 strides"));
  EXPECT_THAT(tensor_error(broken([](auto& t) { t.storage_elements = 7; })),
              HasSubstr("is 24 bytes, not 7 elements"));
  EXPECT_THAT(tensor_error(broken([](auto& t) { t.key = "5"; })), HasSubstr("is missing"));
  // Sizes that ask for more memory than the file has, or that overflow when multiplied.
  EXPECT_THAT(tensor_error(broken([](auto& t) {
                t.shape = {std::int64_t{1} << 40, std::int64_t{1} << 40};
                t.strides = {0, 0};
              })),
              HasSubstr("more elements than its storage"));
  EXPECT_THAT(tensor_error(broken([](auto& t) { t.shape = {1, 1, 1, 1, 1, 1, 6}; })),
              HasSubstr("no tuple of at most 6 integers"));
}

TEST_F(TorchFileTest, RefusesOtherArchives) {
  const std::string dict = pickled_dict({{"w", kMatrix.pickled()}});
  EXPECT_THAT(error(torch_archive(dict, {bytes_of(kSix)}, {.method = 8})), HasSubstr("compressed"));
  EXPECT_THAT(error(torch_archive(dict, {bytes_of(kSix)}, {.flags = 1})), HasSubstr("encrypted"));
  EXPECT_THAT(error(zip_of({{"a.txt", "text"}})), HasSubstr("none of torch.save's"));
  const std::string pickle = pickle_of(dict);
  EXPECT_THAT(error(zip_of({{"m/data.pkl", pickle}, {"m/constants.pkl", "x"}})),
              HasSubstr("TorchScript"));
  EXPECT_THAT(error(zip_of({{"m/data.pkl", pickle}, {"m/byteorder", "big"}})),
              HasSubstr("big-endian"));
  EXPECT_THAT(error(zip_of({{"m/data.pkl", pickle}, {"m/data.pkl", pickle}})),
              HasSubstr("two entries are named"));
  EXPECT_THAT(error("PK\3\4"), HasSubstr("too short"));
  EXPECT_THROW(open_weight_file(scratch_.write("old.pth",
                                               "\x80\x02\x8a\x0a"
                                               "l\xfc\x9c"
                                               "F\xf9 j\xa8P")),
               FileError);
}

// A pickle may refer to a value that holds itself, or to one value very often.
TEST_F(TorchFileTest, SurvivesPicklesThatContainThemselves) {
  EXPECT_THAT(value_error("]q\1h\1a"), HasSubstr("holds no state dict"));
  std::string bomb = "]q" + std::string("\0", 1);
  for (int level = 1; level < 200; ++level) {
    bomb += "](";
    for (int i = 0; i < 10; ++i) bomb += std::string("h") + char(level - 1);
    bomb += std::string("eq") + char(level);
  }
  EXPECT_THAT(value_error(bomb + "("), HasSubstr("adds items"));
}

// No prefix of a file and no damaged byte may do anything but open or throw a FileError.
TEST_F(TorchFileTest, DamageIsAFileError) {
  const std::string whole =
      torch_archive(pickled_dict({{"w", kMatrix.pickled()}}), {bytes_of(kSix)}, {.zip64 = true});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(error(whole.substr(0, size)), "no error") << size;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int mask : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = char(damaged[at] ^ mask);
      try {
        const TorchFile file = open(damaged);
        for (const NamedShape& entry : file.entries()) file.read(entry.name);
      } catch (const FileError&) {
      }
    }
}

}  // namespace
}  // namespace hush::nn
