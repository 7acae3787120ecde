// Writes files as torch.save does, byte by byte, so that tests need no PyTorch and can be wrong
// on purpose.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace hush::nn {

// `value` as its bytes, little-endian.
template <class T>
std::string bytes_of(T value) {
  std::string result(sizeof(T), '\0');
  std::memcpy(result.data(), &value, sizeof(T));
  return result;
}
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string result;
  for (const T value : values) result += bytes_of(value);
  return result;
}

// --- pickles, protocol 2 ---------------------------------------------------------------------

inline std::string pickled_text(const std::string& text) {
  return "X" + bytes_of(std::uint32_t(text.size())) + text;
}
inline std::string pickled_integer(std::int64_t value) {
  if (value >= 0 && value < 256) return std::string("K") + char(value);
  return std::string("\x8a\x08", 2) + bytes_of(value);
}
inline std::string pickled_tuple(const std::vector<std::int64_t>& values) {
  std::string result = "(";
  for (const std::int64_t value : values) result += pickled_integer(value);
  return result + "t";
}
inline std::string pickled_name(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string pickle_of(const std::string& value) {
  return std::string("\x80\x02", 2) + value + ".";
}

// A tensor of a state dict: a window of storage `key`.
struct TorchTensor {
  std::string type = "FloatStorage", key = "0";
  std::int64_t storage_elements = 0, offset = 0;
  std::vector<std::int64_t> shape = {}, strides = {};

  std::string pickled() const {
    return pickled_name("torch._utils", "_rebuild_tensor_v2") + "((" + pickled_text("storage") +
           pickled_name("torch", type) + pickled_text(key) + pickled_text("cpu") +
           pickled_integer(storage_elements) + "tQ" + pickled_integer(offset) +
           pickled_tuple(shape) + pickled_tuple(strides) + "\x89" +
           pickled_name("collections", "OrderedDict") + ")RtR";
  }
};

// An OrderedDict with its attributes, as state_dict() makes it.
inline std::string pickled_dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string result = pickled_name("collections", "OrderedDict") + ")R(";
  for (const auto& [key, value] : items) result += pickled_text(key) + value;
  return result + "u}" + pickled_text("_metadata") + "}sb";
}

// --- archives --------------------------------------------------------------------------------

struct ZipOptions {
  bool zip64 = false;  // all positions and sizes in zip64 records, as for files beyond 4 GiB
  std::uint16_t method = 0, flags = 0;
};

inline std::string zip_of(const std::vector<std::pair<std::string, std::string>>& entries,
                          const ZipOptions& options = {}) {
  const auto u16 = [](std::size_t value) { return bytes_of(std::uint16_t(value)); };
  const auto u32 = [](std::size_t value) { return bytes_of(std::uint32_t(value)); };
  const auto u64 = [](std::size_t value) { return bytes_of(std::uint64_t(value)); };
  constexpr std::size_t kIn64 = 0xffffffff;
  std::string file, directory;
  for (const auto& [name, data] : entries) {
    const std::string padding = "FB" + u16(5) + "ZZZZZ";  // PyTorch aligns the data so
    const std::size_t at = file.size();
    const std::string common = u16(options.flags) + u16(options.method) + u32(0) + u32(0);
    file += "PK\3\4" + u16(0) + common + u32(data.size()) + u32(data.size()) + u16(name.size()) +
            u16(padding.size()) + name + padding + data;
    const std::string extra =
        options.zip64 ? u16(1) + u16(24) + u64(data.size()) + u64(data.size()) + u64(at) : "";
    const std::size_t size = options.zip64 ? kIn64 : data.size();
    directory += "PK\1\2" + u16(0) + u16(0) + common + u32(size) + u32(size) + u16(name.size()) +
                 u16(extra.size()) + u16(0) + u16(0) + u16(0) + u32(0) +
                 u32(options.zip64 ? kIn64 : at) + name + extra;
  }
  const std::size_t begin = file.size();
  file += directory;
  if (options.zip64) {
    const std::size_t record = file.size();
    file += "PK\6\6" + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(entries.size()) +
            u64(entries.size()) + u64(directory.size()) + u64(begin) + "PK\6\7" + u32(0) +
            u64(record) + u32(1);
  }
  const std::size_t count = options.zip64 ? 0xffff : entries.size();
  return file + "PK\5\6" + u16(0) + u16(0) + u16(count) + u16(count) +
         u32(options.zip64 ? kIn64 : directory.size()) + u32(options.zip64 ? kIn64 : begin) +
         u16(0);
}

// What torch.save makes of a pickled state dict and the storages "0", "1", ….
inline std::string torch_archive(const std::string& value, const std::vector<std::string>& storages,
                                 const ZipOptions& options = {}) {
  std::vector<std::pair<std::string, std::string>> entries{{"model/data.pkl", pickle_of(value)}};
  for (std::size_t i = 0; i < storages.size(); ++i)
    entries.emplace_back("model/data/" + std::to_string(i), storages[i]);
  entries.emplace_back("model/version", "3\n");
  return zip_of(entries, options);
}

}  // namespace hush::nn
