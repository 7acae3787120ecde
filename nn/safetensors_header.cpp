#include "nn/safetensors_header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/shape.h"
#include "nn/readable_file.h"

namespace hush::nn {
namespace {

using Json = nlohmann::json;

constexpr std::array kFileTypes{FileType::f64,  FileType::f32, FileType::f16,
                                FileType::bf16, FileType::i64, FileType::i32,
                                FileType::u64,  FileType::u8,  FileType::boolean};

// Receives the JSON as a stream of events, so that depth is bounded, nothing is built that is not
// wanted, and a name given twice is seen (a document tree would silently keep one of the two).
// Depth 1 is the header's object, depth 2 the metadata or one tensor, depth 3 an array of it.
class HeaderHandler final : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderHandler(std::string where) : where_(std::move(where)) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    ++depth_;
    if (depth_ > 2) fail("an object at a wrong place");
    if (depth_ == 2) {
      in_metadata_ = name_ == "__metadata__";
      fields_.clear();
      if (!in_metadata_) header_.tensors.emplace_back().name = name_;
    }
    return true;
  }
  bool end_object() override {
    if (depth_ == 2 && !in_metadata_ && fields_.size() != 3)
      fail("tensor '{}' needs dtype, shape and data_offsets", printable(name_));
    --depth_;
    return true;
  }
  bool key(string_t& key) override {
    if (depth_ == 1) {
      name_ = key;
      if (!names_.insert(key).second) fail("'{}' appears twice", printable(key));
    } else {
      key_ = key;
      if (!fields_.insert(key).second)
        fail("'{}' of '{}' appears twice", printable(key), printable(name_));
      if (!in_metadata_ && key != "dtype" && key != "shape" && key != "data_offsets")
        fail("unknown field '{}' of tensor '{}'", printable(key), printable(name_));
    }
    return true;
  }
  bool start_array(std::size_t) override {
    if (++depth_ != 3 || in_metadata_ || key_ == "dtype") fail("an array at a wrong place");
    numbers_.clear();
    return true;
  }
  bool end_array() override {
    --depth_;
    FileTensor& tensor = header_.tensors.back();
    if (key_ == "shape") {
      for (const std::uint64_t extent : numbers_) tensor.shape.push_back(std::int64_t(extent));
    } else {
      if (numbers_.size() != 2) fail("data_offsets of '{}' are not two numbers", printable(name_));
      tensor.begin = numbers_[0];
      tensor.end = numbers_[1];
    }
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ != 2 || (!in_metadata_ && key_ != "dtype")) fail("a string at a wrong place");
    if (in_metadata_) {
      header_.metadata[key_] = value;
      return true;
    }
    const auto* type =
        std::ranges::find_if(kFileTypes, [&](FileType t) { return name_of(t) == value; });
    if (type == kFileTypes.end())
      fail("tensor '{}' has element type '{}', which is not read here", printable(name_),
           printable(value));
    header_.tensors.back().type = *type;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 3 || value > (std::uint64_t{1} << 62)) fail("number {} at a wrong place", value);
    const std::size_t limit = key_ == "shape" ? std::size_t(Shape::kMaxRank) : 2;
    if (numbers_.size() == limit)
      fail("{} of '{}' has more than {} numbers", key_, printable(name_), limit);
    numbers_.push_back(value);
    return true;
  }
  bool null() override { return fail("null at a wrong place"); }
  bool boolean(bool) override { return fail("true or false at a wrong place"); }
  bool number_integer(number_integer_t value) override { return fail("number {}", value); }
  bool number_float(number_float_t, const string_t& text) override {
    return fail("number {}", text);
  }
  bool binary(binary_t&) override { return fail("binary data"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return fail("no valid JSON at byte {} of the header", position);
  }

 private:
  // Returns bool, and never does, so that an event that is always wrong is one line.
  template <class... T>
  [[noreturn]] bool fail(fmt::format_string<T...> format, T&&... arguments) const {
    throw FileError(where_ + ": " + fmt::format(format, std::forward<T>(arguments)...) +
                    "; the file is damaged or not safetensors");
  }

  std::string where_;
  SafetensorsHeader header_;
  int depth_ = 0;
  bool in_metadata_ = false;
  std::string name_;  // of depth 1
  std::string key_;   // of depth 2
  std::set<std::string> names_, fields_;
  std::vector<std::uint64_t> numbers_;
};

// Throws unless the shape times the element size is the number of bytes, without overflow.
void check_size(const FileTensor& tensor, std::uint64_t data_bytes, const std::string& where) {
  if (tensor.begin > tensor.end || tensor.end > data_bytes)
    throw FileError(
        fmt::format("{}: tensor '{}' claims bytes {} to {} of {}; the file is truncated "
                    "or damaged",
                    where, printable(tensor.name), tensor.begin, tensor.end, data_bytes));
  const bool empty = std::ranges::count(tensor.shape, 0) > 0;
  const std::uint64_t limit =
      empty ? std::uint64_t{1} << 62 : data_bytes / std::uint64_t(size_of(tensor.type));
  std::uint64_t elements = 1;  // of the extents that are not 0, which must not overflow either
  for (const std::int64_t extent : tensor.shape) {
    const auto factor = std::uint64_t(std::max<std::int64_t>(extent, 1));
    if (elements > limit || factor > limit / elements)
      throw FileError(
          fmt::format("{}: the shape of tensor '{}' is larger than its data; the file "
                      "is damaged",
                      where, printable(tensor.name)));
    elements *= factor;
  }
  if (empty) elements = 0;
  if (elements * std::uint64_t(size_of(tensor.type)) != tensor.end - tensor.begin)
    throw FileError(
        fmt::format("{}: tensor '{}' has {} bytes, which its shape does not; the file "
                    "is damaged",
                    where, printable(tensor.name), tensor.end - tensor.begin));
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                           const std::string& where) {
  HeaderHandler handler(where);
  if (json.empty() || json.front() != '{')
    throw FileError(where + ": the header is no JSON object; the file is not safetensors");
  Json::sax_parse(json.begin(), json.end(), &handler);
  SafetensorsHeader header = handler.take();
  for (const FileTensor& tensor : header.tensors) check_size(tensor, data_bytes, where);

  std::ranges::stable_sort(header.tensors, [](const FileTensor& a, const FileTensor& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t position = 0;
  for (const FileTensor& tensor : header.tensors) {
    if (tensor.begin != position)
      throw FileError(
          fmt::format("{}: tensor '{}' begins at byte {}, not {}: tensors overlap or "
                      "leave a gap; the file is damaged",
                      where, printable(tensor.name), tensor.begin, position));
    position = tensor.end;
  }
  if (position != data_bytes)
    throw FileError(
        fmt::format("{}: {} bytes of tensors, but {} follow the header; the file is "
                    "damaged",
                    where, position, data_bytes));
  return header;
}

std::string safetensors_header_text(const SafetensorsHeader& header) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) json["__metadata__"] = header.metadata;
  for (const FileTensor& tensor : header.tensors)
    json[tensor.name] = {{"dtype", std::string(name_of(tensor.type))},
                         {"shape", tensor.shape},
                         {"data_offsets", {tensor.begin, tensor.end}}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((64 - (8 + text.size()) % 64) % 64, ' ');
  return text;
}

}  // namespace hush::nn
