// The file format: what is written is read back, files of other programs are understood, and
// damaged or hostile ones are refused in one line.
#include "nn/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <fstream>

#include "nn/half.h"
#include "tests/nn/scratch.h"

namespace hush::nn {
namespace {

using testing::HasSubstr;

std::string length_prefix(std::uint64_t length) {
  std::string result(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) result[i] = char(length >> (8 * i));
  return result;
}

// The message of the FileError that opening a file with this header and data throws.
std::string refusal(const std::string& json, const std::string& data) {
  const Scratch scratch;
  const auto path = scratch.write("a.safetensors", length_prefix(json.size()) + json + data);
  try {
    const SafetensorsFile file(path);
  } catch (const FileError& error) {
    EXPECT_EQ(std::string(error.what()).rfind(path.string(), 0), 0u) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "accepted";
}

TEST(Safetensors, ReadsWhatItWrote) {
  const Scratch scratch;
  const auto path = scratch.path("a.safetensors");
  const std::vector<NamedTensor> tensors{
      {"pixels", Tensor::from<std::uint8_t>({3}, std::vector<std::uint8_t>{1, 2, 255})},
      {"weight", Tensor::from<float>({2, 2}, std::vector{1.5f, -0.0f, 3e-39f, INFINITY})},
      {"share", Tensor::from<Ring>({1}, std::vector<Ring>{~Ring{0}})},
      {"empty", Tensor::zeros({0, 4}, DType::float32)},
      {"scalar", Tensor::from<std::int32_t>({}, std::vector<std::int32_t>{-7})}};
  const Metadata metadata{{"model", "resnet20"}, {"quote", "\"\\\n\u00e9"}};
  write_safetensors(path, tensors, metadata);
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata(), metadata);
  EXPECT_EQ(file.tensors().size(), tensors.size());
  for (const auto& [name, value] : tensors) {
    const Tensor read = file.read(name);
    EXPECT_EQ(read.shape(), value.shape()) << name;
    ASSERT_EQ(read.dtype(), value.dtype()) << name;
    EXPECT_EQ(std::memcmp(read.raw(), value.raw(), value.bytes()), 0) << name;
  }
  for (const FileTensor& tensor : file.tensors())
    EXPECT_EQ(tensor.begin % std::uint64_t(size_of(tensor.type)), 0u) << "aligned " << tensor.name;
  EXPECT_EQ(file.find("weights"), nullptr);
  EXPECT_THROW(file.read("weights"), FileError);
}

TEST(Safetensors, SameArgumentsGiveTheSameBytes) {
  const Scratch scratch;
  const std::vector<NamedTensor> tensors{{"b", Tensor::full({5}, 2)}, {"a", Tensor::full({3}, 1)}};
  write_safetensors(scratch.path("1"), tensors, {{"k", "v"}});
  write_safetensors(scratch.path("2"), tensors, {{"k", "v"}});
  EXPECT_EQ(scratch.read("1"), scratch.read("2"));
  EXPECT_EQ(scratch.read("1").size() % 4, 0u);
}

TEST(Safetensors, RefusesToWriteANameTwice) {
  const Scratch scratch;
  const std::vector<NamedTensor> tensors{{"a", Tensor::full({1}, 2)}, {"a", Tensor::full({1}, 1)}};
  EXPECT_THROW(write_safetensors(scratch.path("1"), tensors, {}), ArgumentError);
  EXPECT_FALSE(std::filesystem::exists(scratch.path("1")));
}

// As PyTorch writes them: little-endian, 0.1 rounded to each type.
TEST(Safetensors, ConvertsOtherElementTypes) {
  const Scratch scratch;
  const std::string json = R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                           R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},)"
                           R"("d":{"dtype":"F64","shape":[1],"data_offsets":[6,14]},)"
                           R"("i":{"dtype":"I64","shape":[1],"data_offsets":[14,22]},)"
                           R"("big":{"dtype":"I64","shape":[],"data_offsets":[22,30]},)"
                           R"("t":{"dtype":"BOOL","shape":[1],"data_offsets":[30,31]}}   )";
  std::string data("\x66\x2e\x00\xc0\xcd\x3d", 6);
  data += std::string("\x9a\x99\x99\x99\x99\x99\xb9\x3f", 8);
  data += std::string("\xfe\xff\xff\xff\xff\xff\xff\xff", 8);
  data += std::string("\x00\x00\x00\x00\x01\x00\x00\x00", 8);
  data += '\x01';
  const SafetensorsFile file(
      scratch.write("a.safetensors", length_prefix(json.size()) + json + data));
  EXPECT_EQ(file.read("h").values<float>()[0], 0.0999755859375f);
  EXPECT_EQ(file.read("h").values<float>()[1], -2.0f);
  EXPECT_EQ(file.read("b").values<float>()[0], 0.10009765625f);
  EXPECT_EQ(file.read("d").values<float>()[0], 0.1f);
  EXPECT_EQ(file.read("i").values<std::int32_t>()[0], -2);
  EXPECT_EQ(file.read("t").values<std::uint8_t>()[0], 1);
  EXPECT_THROW(file.read("big"), FileError);
}

// All 65,536 values: against arithmetic on sign, exponent and fraction.
TEST(Half, EveryBinary16IsExact) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const double sign = bits & 0x8000 ? -1 : 1;
    const int exponent = int(bits >> 10 & 31), fraction = int(bits & 1023);
    const float value = from_float16(std::uint16_t(bits));
    if (exponent == 31 && fraction != 0) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else if (exponent == 31) {
      EXPECT_EQ(value, sign * INFINITY) << bits;
    } else {
      const double magnitude =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      EXPECT_EQ(double(value), sign * magnitude) << bits;
      EXPECT_EQ(std::signbit(value), sign < 0) << bits;
    }
  }
}

struct BadHeader {
  const char* what;
  const char* json;
  std::size_t data_bytes;
  const char* message;  // part of the error
};

class BadHeaders : public testing::TestWithParam<BadHeader> {};

TEST_P(BadHeaders, AreRefused) {
  const BadHeader& bad = GetParam();
  EXPECT_THAT(refusal(bad.json, std::string(bad.data_bytes, 'x')), HasSubstr(bad.message));
}

constexpr const char* kTwo =
    R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],)";
const std::string kOverlap = std::string(kTwo) + R"("data_offsets":[2,6]}})";
const std::string kGap = std::string(kTwo) + R"("data_offsets":[8,12]}})";
const std::string kManyExtents =
    R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1],"data_offsets":[0,1]}})";

INSTANTIATE_TEST_SUITE_P(
    All, BadHeaders,
    testing::Values(
        BadHeader{"NotJson", "{hello", 0, "no valid JSON"},
        BadHeader{"NotAnObject", "[1]", 0, "no JSON object"},
        BadHeader{"Empty", "", 0, "no JSON object"},
        BadHeader{"TrailingText", "{} {}", 0, "no valid JSON"},
        BadHeader{"InvalidUtf8", "{\"\xff\":1}", 0, "no valid JSON"},
        BadHeader{"NumberForTensor", R"({"a":1})", 0, "wrong place"},
        BadHeader{"StringForTensor", R"({"a":"b"})", 0, "wrong place"},
        BadHeader{"NullForTensor", R"({"a":null})", 0, "wrong place"},
        BadHeader{"ArrayForTensor", R"({"a":[]})", 0, "wrong place"},
        BadHeader{"MissingFields", R"({"a":{"dtype":"F32"}})", 0, "needs dtype, shape"},
        BadHeader{"UnknownField", R"({"a":{"dtype":"F32","x":1}})", 0, "unknown field"},
        BadHeader{"UnknownType", R"({"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}})", 1,
                  "element type 'F8'"},
        BadHeader{"NegativeExtent", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1,
                  "number -1"},
        BadHeader{"FractionalExtent", R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})",
                  1, "number 1.5"},
        BadHeader{"HugeExtent",
                  R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", 1,
                  "wrong place"},
        BadHeader{"OverflowingShape",
                  R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
                  "larger than its data"},
        BadHeader{"OverflowingEmptyShape",
                  R"({"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}})",
                  0, "larger than its data"},
        BadHeader{"TooManyExtents", kManyExtents.c_str(), 1, "more than 6"},
        BadHeader{"ShapeTooSmall", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8,
                  "which its shape does not"},
        BadHeader{"ShapeTooLarge", R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
                  "larger than its data"},
        BadHeader{"OneOffset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1,
                  "not two numbers"},
        BadHeader{"ThreeOffsets", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1,
                  "more than 2"},
        BadHeader{"ReversedOffsets", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
                  "claims bytes 1 to 0"},
        BadHeader{"Truncated", R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 8,
                  "truncated"},
        BadHeader{"TrailingData", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2,
                  "2 follow the header"},
        BadHeader{"Overlap", kOverlap.c_str(), 6, "overlap"},
        BadHeader{"Gap", kGap.c_str(), 12, "gap"},
        BadHeader{"DuplicateName",
                  R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{}})", 1,
                  "appears twice"},
        BadHeader{"DuplicateField", R"({"a":{"dtype":"U8","dtype":"U8"}})", 1, "appears twice"},
        BadHeader{"NumberInMetadata", R"({"__metadata__":{"a":1}})", 0, "wrong place"},
        BadHeader{"ObjectInMetadata", R"({"__metadata__":{"a":{}}})", 0, "wrong place"},
        BadHeader{"MetadataTwice", R"({"__metadata__":{},"__metadata__":{}})", 0, "appears twice"}),
    [](const testing::TestParamInfo<BadHeader>& test) { return std::string(test.param.what); });

TEST(Safetensors, DeepNestingEndsAtItsFirstLevels) {
  EXPECT_THAT(refusal(R"({"a":{"shape":)" + std::string(10'000'000, '['), ""),
              HasSubstr("wrong place"));
  EXPECT_THAT(refusal(R"({"a":)" + std::string(1'000'000, '{'), ""), HasSubstr("JSON"));
}

TEST(Safetensors, HostileNamesMakeShortOneLineMessages) {
  const std::string message =
      refusal(R"({")" + std::string(1'000'000, 'n') + R"(\n":{"dtype":"F32"}})", "");
  EXPECT_THAT(message, HasSubstr("needs dtype"));
  EXPECT_LT(message.size(), 500u);
  EXPECT_THAT(refusal(R"({"a\nb":{"dtype":"F32"}})", ""), HasSubstr("'a?b'"));
}

TEST(Safetensors, RefusesFilesThatAreNone) {
  const Scratch scratch;
  EXPECT_THROW(SafetensorsFile(scratch.path("absent")), FileError);
  EXPECT_THROW(SafetensorsFile(scratch.path("")), FileError);  // the folder itself
  EXPECT_THROW(SafetensorsFile(scratch.write("short", "1234567")), FileError);
  EXPECT_THROW(SafetensorsFile(scratch.write("huge", length_prefix(~0ull) + "{}")), FileError);
  EXPECT_THROW(SafetensorsFile(scratch.write("long", length_prefix(3) + "{}")), FileError);
  // A header longer than the limit, in a file that is long enough for it (but sparse).
  const auto sparse = scratch.write("sparse", length_prefix(kMaxHeaderBytes + 1));
  std::filesystem::resize_file(sparse, kMaxHeaderBytes + 100);
  EXPECT_THROW(SafetensorsFile{sparse}, FileError);
}

TEST(Safetensors, FileCutShortWhileOpenIsReported) {
  const Scratch scratch;
  const auto path = scratch.path("a");
  write_safetensors(path, {{"a", Tensor::full({1000}, 1)}}, {});
  const SafetensorsFile file(path);
  std::filesystem::resize_file(path, 500);
  EXPECT_THROW(file.read("a"), FileError);
}

TEST(Safetensors, OpenFileIsNotMixedWithItsReplacement) {
  const Scratch scratch;
  const auto path = scratch.path("a");
  write_safetensors(path, {{"a", Tensor::full({4}, 1)}}, {});
  const SafetensorsFile file(path);
  write_safetensors(path, {{"a", Tensor::full({4}, 2)}}, {});
  EXPECT_EQ(file.read("a").values<float>()[0], 1);
  EXPECT_EQ(SafetensorsFile(path).read("a").values<float>()[0], 2);
}

// A disk that is full, as a limit on the size of files.
TEST(AtomicWrite, FullDiskKeepsTheOldFile) {
  const Scratch scratch;
  const auto path = scratch.path("a");
  write_safetensors(path, {{"a", Tensor::full({4}, 1)}}, {});
  const std::string before = scratch.read("a");
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  auto* const old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    write_safetensors(path, {{"a", Tensor::full({100'000}, 2)}}, {});
  } catch (const FileError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message, HasSubstr("writing failed"));
  EXPECT_THAT(message, HasSubstr("the file there is unchanged"));
  EXPECT_EQ(scratch.read("a"), before);
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".partial"));
}

TEST(AtomicWrite, ReadOnlyFolderKeepsTheOldFile) {
  const Scratch scratch;
  const auto path = scratch.path("a");
  write_safetensors(path, {{"a", Tensor::full({4}, 1)}}, {});
  const std::string before = scratch.read("a");
  ASSERT_EQ(::chmod(scratch.path("").c_str(), 0555), 0);
  const uid_t user = ::geteuid();
  const auto become = [&](uid_t other) { return user != 0 || ::seteuid(other) == 0; };
  ASSERT_TRUE(become(65534));  // root may write anywhere
  std::string message;
  try {
    write_safetensors(path, {{"a", Tensor::full({4}, 2)}}, {});
  } catch (const FileError& error) {
    message = error.what();
  }
  ASSERT_TRUE(become(0));
  ::chmod(scratch.path("").c_str(), 0755);
  EXPECT_THAT(message, HasSubstr("cannot be written: Permission denied"));
  EXPECT_EQ(scratch.read("a"), before);
}

TEST(AtomicWrite, MissingFolderSaysSo) {
  const Scratch scratch;
  try {
    write_safetensors(scratch.path("no/such/a"), {}, {});
    FAIL() << "no error";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("No such file or directory"));
    EXPECT_THAT(error.what(), HasSubstr("choose another folder"));
  }
}

TEST(AtomicWrite, LeftoversOfAKilledWriterDoNotMatter) {
  const Scratch scratch;
  scratch.write("a.partial", std::string(100'000, 'x'));
  write_safetensors(scratch.path("a"), {{"a", Tensor::full({4}, 1)}}, {});
  EXPECT_EQ(SafetensorsFile(scratch.path("a")).read("a").values<float>()[3], 1);
  EXPECT_FALSE(std::filesystem::exists(scratch.path("a.partial")));
}

}  // namespace
}  // namespace hush::nn
