#include "data/packed_images.h"

#include "data/file_bytes.h"
#include "tests/data/scratch.h"

namespace hush::data {
namespace {

// Images of growing size in one grey level; number 2 does not decode.
class FakeImages final : public ImageSource {
 public:
  std::int64_t count() const override { return 70; }  // more than are decoded at a time
  Image read(std::int64_t index) const override {
    if (index == 2) throw FileError("number 2 is bad");
    return {index + 1, index + 3, 3,
            Bytes(std::size_t((index + 1) * (index + 3) * 3), level(index))};
  }
  std::string digest() const override { return std::string(64, 'd'); }
  static std::uint8_t level(std::int64_t index) { return std::uint8_t(3 * index); }
};

class PackedImagesTest : public ScratchTest {
 protected:
  std::filesystem::path pack(std::int64_t shorter) {
    const auto path = root() / "made/images.hushpack";
    bad_.clear();
    pack_images(path, FakeImages(), shorter, [&](std::int64_t index, const std::string& what) {
      bad_.push_back(std::to_string(index) + " " + what);
    });
    return path;
  }
  std::vector<std::string> bad_;
};

TEST_F(PackedImagesTest, HoldsTheImages) {
  const PackedImages images(pack(0));
  EXPECT_EQ(bad_, std::vector<std::string>{"2 number 2 is bad"});
  EXPECT_EQ(images.count(), 70);
  EXPECT_EQ(images.digest(), FakeImages().digest());
  for (std::int64_t i = 0; i < 70; ++i) {
    EXPECT_EQ(images.decoded(i), i != 2) << i;
    if (i == 2) continue;
    const Image image = images.read(i);
    EXPECT_EQ(image.height, i + 1);
    EXPECT_EQ(image.width, i + 3);
    EXPECT_EQ(image.pixels, FakeImages().read(i).pixels);
  }
  expect_error([&] { images.read(2); }, {"did not decode"});
}

TEST_F(PackedImagesTest, ReducesWhatIsLarger) {
  const PackedImages images(pack(20));
  EXPECT_EQ(images.shorter_side(), 20);
  EXPECT_EQ(images.read(10).height, 11);
  EXPECT_EQ(images.read(60).height, 20);
  EXPECT_EQ(images.read(60).width, 63 * 20 / 61);
}

TEST_F(PackedImagesTest, IsNotLeftHalfMade) {
  const auto path = root() / "made/images.hushpack";
  EXPECT_THROW(pack_images(path, FakeImages(), 0,
                           [](std::int64_t, const std::string& what) { throw FileError(what); }),
               FileError);
  EXPECT_THROW(pack_images(
                   path, FakeImages(), 0, [](auto, const auto&) {},
                   [](std::int64_t) { throw Error("cancelled"); }),
               Error);
  EXPECT_TRUE(std::filesystem::is_empty(root() / "made"));
}

TEST_F(PackedImagesTest, RefusesDamage) {
  const Bytes whole = read_file(pack(4));
  const auto opens = [&](const Bytes& bytes) {
    const auto path = write("damaged.hushpack", bytes);
    const PackedImages images(path);
    for (std::int64_t i = 0; i < images.count(); ++i)
      if (images.decoded(i)) images.read(i);
  };
  opens(whole);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{50}, std::size_t{88}, std::size_t{500}, whole.size() - 1})
    expect_error([&] { opens(Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(size))); },
                 {"damaged.hushpack"});
  // The magic, the version, the count, the first offset, the first height.
  for (const std::size_t at : {0, 8, 23, 95, 99}) {
    Bytes damaged = whole;
    damaged[at] ^= 0x80;
    expect_error([&] { opens(damaged); }, {"damaged.hushpack"});
  }
  expect_error([&] { PackedImages(root() / "none"); }, {"none", "cannot be opened"});
}

}  // namespace
}  // namespace hush::data
