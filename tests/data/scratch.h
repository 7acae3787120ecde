// A folder of its own for each test, tiny files to put into it, and the errors they should cause.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace hush::data {

using Bytes = std::vector<std::uint8_t>;

class ScratchTest : public testing::Test {
 protected:
  ScratchTest() {
    std::string name = (std::filesystem::temp_directory_path() / "hush-data-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~ScratchTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  const std::filesystem::path& root() const { return root_; }

  std::filesystem::path write(const std::filesystem::path& name,
                              std::span<const std::uint8_t> bytes) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
    return root_ / name;
  }
  std::filesystem::path write(const std::filesystem::path& name, const std::string& text) {
    return write(name, Bytes(text.begin(), text.end()));
  }

 private:
  std::filesystem::path root_;
};

inline Bytes gzipped(const Bytes& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  Bytes result(deflateBound(&stream, bytes.size()) + 32);
  stream.next_in = const_cast<std::uint8_t*>(bytes.data());
  stream.avail_in = unsigned(bytes.size());
  stream.next_out = result.data();
  stream.avail_out = unsigned(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

// Expects f to throw E with one line that contains each of `parts`.
template <class E = FileError, class F>
void expect_error(F&& f, const std::vector<std::string>& parts) {
  try {
    f();
    ADD_FAILURE() << "no error was thrown";
  } catch (const E& error) {
    const std::string message = error.what();
    for (const std::string& part : parts) EXPECT_THAT(message, testing::HasSubstr(part));
    EXPECT_THAT(message, testing::Not(testing::HasSubstr("\n")));
  }
}

}  // namespace hush::data
