#include "nn/torch_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>

#include "core/error.h"
#include "nn/pickle.h"
#include "nn/zip_archive.h"

namespace hush::nn {
namespace {

using Kind = Pickle::Kind;
using Value = Pickle::Value;

constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";
constexpr std::array<std::string_view, 10> kNames{
    kRebuildTensor,      kRebuildParameter,   "torch.FloatStorage", "torch.DoubleStorage",
    "torch.HalfStorage", "torch.LongStorage", "torch.IntStorage",   "torch.BFloat16Storage",
    "torch.ByteStorage", "torch.BoolStorage"};
struct StorageType {
  std::string_view name;
  FileType type;
};
constexpr std::array kStorageTypes{StorageType{"torch.FloatStorage", FileType::f32},
                                   StorageType{"torch.DoubleStorage", FileType::f64},
                                   StorageType{"torch.HalfStorage", FileType::f16},
                                   StorageType{"torch.BFloat16Storage", FileType::bf16},
                                   StorageType{"torch.LongStorage", FileType::i64},
                                   StorageType{"torch.IntStorage", FileType::i32},
                                   StorageType{"torch.ByteStorage", FileType::u8},
                                   StorageType{"torch.BoolStorage", FileType::boolean}};

bool is_call_of(const Pickle& pickle, const Value& value, std::string_view function) {
  return value.kind == Kind::call && pickle.item(value, 0).text == function;
}

bool is_tensor(const Pickle& pickle, const Value& value) {
  return is_call_of(pickle, value, kRebuildTensor) || is_call_of(pickle, value, kRebuildParameter);
}

bool holds_tensors(const Pickle& pickle, const Value& dict) {
  if (dict.kind != Kind::dict) return false;
  for (std::size_t i = 1; i < dict.items.size(); i += 2)
    if (is_tensor(pickle, pickle.item(dict, i))) return true;
  return false;
}

// Makes entries of the calls in a state dict.
class StateDictReader {
 public:
  StateDictReader(const Pickle& pickle, const ZipArchive& archive, std::string folder,
                  std::string where)
      : pickle_(pickle), archive_(archive), folder_(std::move(folder)), where_(std::move(where)) {}

  std::vector<TorchFile::Entry> read() const;

 private:
  struct Storage {
    FileType type = FileType::f32;
    std::uint64_t begin = 0;
    std::uint64_t elements = 0;
  };

  template <class... T>
  [[noreturn]] void fail(fmt::format_string<T...> format, T&&... arguments) const {
    throw FileError(where_ + ": " + fmt::format(format, std::forward<T>(arguments)...));
  }
  const Value& state_dict() const;
  Storage storage(const Value& persistent, const std::string& name) const;
  Shape extents(const Value& tuple, const std::string& name, std::string_view what) const;
  TorchFile::Entry tensor(const Value& call, const std::string& name) const;

  const Pickle& pickle_;
  const ZipArchive& archive_;
  std::string folder_, where_;
};

const Value& StateDictReader::state_dict() const {
  const Value& root = pickle_.root();
  if (holds_tensors(pickle_, root)) return root;
  if (root.kind == Kind::dict)
    for (const std::string_view key : {"state_dict", "model_state_dict", "model"})
      for (std::size_t i = 0; i + 1 < root.items.size(); i += 2)
        if (pickle_.item(root, i).text == key && holds_tensors(pickle_, pickle_.item(root, i + 1)))
          return pickle_.item(root, i + 1);
  fail("holds no state dict; save one with torch.save(model.state_dict(), FILE)");
}

// ("storage", type, key, device, elements)
StateDictReader::Storage StateDictReader::storage(const Value& persistent,
                                                  const std::string& name) const {
  if (persistent.kind == Kind::persistent) {
    const Value& id = pickle_.item(persistent, 0);
    if (id.kind == Kind::tuple && id.items.size() == 5 && pickle_.item(id, 0).text == "storage" &&
        pickle_.item(id, 2).kind == Kind::text && pickle_.item(id, 4).kind == Kind::integer) {
      const auto* type =
          std::ranges::find(kStorageTypes, pickle_.item(id, 1).text, &StorageType::name);
      const std::string key(pickle_.item(id, 2).text);
      const ZipArchive::Entry* entry = archive_.find(folder_ + "data/" + key);
      const std::int64_t elements = pickle_.item(id, 4).integer;
      if (type == kStorageTypes.end()) fail("'{}' is of a type that is not read here", name);
      if (entry == nullptr) fail("the data of '{}' is missing; the file is damaged", name);
      const auto size = std::uint64_t(size_of(type->type));
      if (elements < 0 || entry->size % size != 0 || entry->size / size != std::uint64_t(elements))
        fail("the data of '{}' is {} bytes, not {} elements; the file is damaged", name,
             entry->size, elements);
      return {type->type, entry->begin, std::uint64_t(elements)};
    }
  }
  fail("'{}' has no storage of a known kind", name);
}

Shape StateDictReader::extents(const Value& tuple, const std::string& name,
                               std::string_view what) const {
  if (tuple.kind != Kind::tuple || tuple.items.size() > Shape::kMaxRank)
    fail("the {} of '{}' are no tuple of at most {} integers", what, name, Shape::kMaxRank);
  Shape result;
  for (std::size_t i = 0; i < tuple.items.size(); ++i) {
    const Value& extent = pickle_.item(tuple, i);
    if (extent.kind != Kind::integer || extent.integer < 0 ||
        extent.integer > (std::int64_t{1} << 40))
      fail("the {} of '{}' are out of range", what, name);
    result.append(extent.integer);
  }
  return result;
}

// _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks[, metadata]) or
// _rebuild_parameter(tensor, requires_grad, hooks).
TorchFile::Entry StateDictReader::tensor(const Value& call, const std::string& name) const {
  if (!is_tensor(pickle_, call)) fail("'{}' is no plain tensor", name);
  const Value& arguments = pickle_.item(call, 1);
  if (is_call_of(pickle_, call, kRebuildParameter)) {
    if (arguments.items.empty() || !is_call_of(pickle_, pickle_.item(arguments, 0), kRebuildTensor))
      fail("'{}' is no plain parameter", name);
    return tensor(pickle_.item(arguments, 0), name);
  }
  if (arguments.items.size() < 6 || arguments.items.size() > 7 ||
      pickle_.item(arguments, 1).kind != Kind::integer)
    fail("'{}' is made in a way that is not known here", name);
  const Storage storage = this->storage(pickle_.item(arguments, 0), name);
  const std::int64_t offset = pickle_.item(arguments, 1).integer;
  TorchFile::Entry entry{.name = name,
                         .type = storage.type,
                         .shape = extents(pickle_.item(arguments, 2), name, "sizes"),
                         .strides = extents(pickle_.item(arguments, 3), name, "strides"),
                         .begin = 0,
                         .window = 0};
  if (entry.shape.rank() != entry.strides.rank())
    fail("'{}' has {} sizes and {} strides", name, entry.shape.rank(), entry.strides.rank());
  // Nothing below overflows: every factor is bounded by the storage before it is used.
  std::uint64_t elements = 1, last = 0;
  const bool empty = std::ranges::count(entry.shape, 0) > 0;
  for (int axis = 0; axis < entry.shape.rank() && !empty; ++axis) {
    const auto extent = std::uint64_t(entry.shape[axis]);
    const auto stride = std::uint64_t(entry.strides[axis]);
    if (extent > storage.elements / elements)
      fail("'{}' has more elements than its storage ({}); if it is expanded, save its clone()",
           name, storage.elements);
    elements *= extent;
    if (extent > 1 && stride > (storage.elements - last) / (extent - 1))
      fail("'{}' reaches beyond its storage; the file is damaged", name);
    last += (extent - 1) * stride;
  }
  entry.window = empty ? 0 : last + 1;
  if (offset < 0 || std::uint64_t(offset) > storage.elements ||
      entry.window > storage.elements - std::uint64_t(offset))
    fail("'{}' reaches beyond its storage; the file is damaged", name);
  entry.begin = storage.begin + std::uint64_t(offset) * std::uint64_t(size_of(storage.type));
  return entry;
}

std::vector<TorchFile::Entry> StateDictReader::read() const {
  const Value& dict = state_dict();
  std::vector<TorchFile::Entry> result;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const Value& key = pickle_.item(dict, i);
    if (key.kind != Kind::text || printable(key.text) != key.text)
      fail("a tensor's name is no text of at most 80 characters");
    if (!names.insert(key.text).second) fail("'{}' appears twice", key.text);
    result.push_back(tensor(pickle_.item(dict, i + 1), std::string(key.text)));
  }
  return result;
}

std::string contents(const ReadableFile& file, const ZipArchive::Entry& entry,
                     std::uint64_t limit) {
  if (entry.size > limit)
    throw FileError(fmt::format("{}: an entry of {} bytes where {} are the most; it is damaged",
                                file.path().string(), entry.size, limit));
  std::string result(std::size_t(entry.size), '\0');
  file.read(entry.begin, std::as_writable_bytes(std::span(result)));
  return result;
}

std::vector<TorchFile::Entry> read_entries(const ReadableFile& file) {
  const std::string where = file.path().string();
  const ZipArchive archive(file);
  constexpr std::string_view kPickle = "/data.pkl";
  const auto pickled = std::ranges::find_if(
      archive.entries(), [&](const auto& entry) { return entry.first.ends_with(kPickle); });
  if (pickled == archive.entries().end())
    throw FileError(where + ": a zip archive, but none of torch.save's");
  const std::string folder = pickled->first.substr(0, pickled->first.size() - kPickle.size() + 1);
  if (archive.find(folder + "constants.pkl") != nullptr)
    throw FileError(where +
                    ": a TorchScript program; save its weights in Python with "
                    "torch.save(torch.jit.load(FILE).state_dict(), OTHER)");
  if (const auto* order = archive.find(folder + "byteorder"))
    if (contents(file, *order, 16) != "little")
      throw FileError(where + ": its numbers are big-endian, which is not read here");
  const Pickle pickle(contents(file, pickled->second, kMaxPickleBytes), kNames, where);
  return StateDictReader(pickle, archive, folder, where).read();
}

// Copies elements of a strided window into row-major order.
std::vector<std::byte> gathered(const std::vector<std::byte>& window,
                                const TorchFile::Entry& entry) {
  const auto size = std::size_t(size_of(entry.type));
  const int rank = entry.shape.rank();
  std::vector<std::byte> result(std::size_t(entry.shape.elements()) * size);
  std::array<std::int64_t, Shape::kMaxRank> index{};
  std::int64_t at = 0;
  for (std::size_t to = 0; to < result.size(); to += size) {
    std::memcpy(result.data() + to, window.data() + std::size_t(at) * size, size);
    for (int axis = rank; axis-- > 0;) {  // the next index, the last axis fastest
      at += entry.strides[axis];
      if (++index[std::size_t(axis)] < entry.shape[axis]) break;
      at -= entry.strides[axis] * entry.shape[axis];
      index[std::size_t(axis)] = 0;
    }
  }
  return result;
}

}  // namespace

TorchFile::TorchFile(std::filesystem::path path)
    : file_(std::move(path)), tensors_(read_entries(file_)) {}

std::vector<NamedShape> TorchFile::entries() const {
  std::vector<NamedShape> result;
  result.reserve(tensors_.size());
  for (const Entry& entry : tensors_) result.push_back({entry.name, entry.shape});
  return result;
}

Tensor TorchFile::read(std::string_view name) const {
  const auto entry = std::ranges::find(tensors_, name, &Entry::name);
  const std::string where = fmt::format("{}: '{}'", path().string(), name);
  if (entry == tensors_.end()) throw FileError(where + ": there is no such tensor");
  Tensor result = Tensor::empty(entry->shape, dtype_for(entry->type));
  if (result.elements() == 0) return result;
  std::vector<std::byte> bytes(std::size_t(entry->window) * std::size_t(size_of(entry->type)));
  file_.read(entry->begin, bytes);
  std::int64_t dense = 1;
  bool row_major = true;
  for (int axis = entry->shape.rank(); axis-- > 0; dense *= entry->shape[axis])
    row_major &= entry->shape[axis] == 1 || entry->strides[axis] == dense;
  convert_elements(entry->type, row_major ? bytes : gathered(bytes, *entry), result, where);
  return result;
}

}  // namespace hush::nn
