#include "nn/checkpoint.h"

#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <array>
#include <map>
#include <memory>

#include "nn/weight_layout.h"

namespace hush::nn {
namespace {

// A name in the one spelling under which names are compared.
std::string canonical(std::string name) {
  if (name.starts_with("module.")) name.erase(0, 7);
  if (name.starts_with("linear.")) name.replace(0, 6, "fc");
  if (const std::size_t at = name.find(".shortcut."); at != std::string::npos)
    name.replace(at + 1, 8, "downsample");
  return name;
}

bool is_stored(const Node& node) {
  return node.kind == NodeKind::parameter || node.kind == NodeKind::buffer;
}

// The first few names of a list, for one line of an error.
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  if (names.size() <= kShown) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kShown, ", "),
                     names.size() - kShown);
}

// SHA-256, fed piece by piece.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw Error("SHA-256 is not available in this OpenSSL");
  }
  void add(const void* data, std::size_t size) {
    if (EVP_DigestUpdate(context_.get(), data, size) != 1) throw Error("SHA-256 failed");
  }
  std::string hex() {
    std::array<unsigned char, 32> bytes{};
    if (EVP_DigestFinal_ex(context_.get(), bytes.data(), nullptr) != 1)
      throw Error("SHA-256 failed");
    return fmt::format("{:02x}", fmt::join(bytes, ""));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::vector<NamedTensor> weights_for_file(const Graph& graph) {
  const std::vector<WeightLayout> layouts = weight_layouts(graph);
  std::vector<NamedTensor> result;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (is_stored(graph[id]))
      result.push_back(
          {graph[id].name, to_file_layout(graph[id].value.to(Device{}), layouts[std::size_t(id)])});
  return result;
}

void save_model(const std::filesystem::path& path, const Graph& graph, const ModelInfo& info) {
  write_safetensors(path, weights_for_file(graph), to_metadata(info));
}

NameMatch match_names(const Graph& graph, const SafetensorsFile& file, const std::string& prefix) {
  NameMatch result;
  std::map<std::string, const FileTensor*> in_file;
  for (const FileTensor& tensor : file.tensors()) {
    if (!tensor.name.starts_with(prefix) || tensor.name.ends_with("num_batches_tracked")) continue;
    const bool fresh =
        in_file.emplace(canonical(tensor.name.substr(prefix.size())), &tensor).second;
    if (!fresh) result.unused.push_back(tensor.name);  // two spellings of one name
  }
  const std::vector<WeightLayout> layouts = weight_layouts(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!is_stored(graph[id])) continue;
    const auto found = in_file.find(canonical(graph[id].name));
    if (found == in_file.end()) {
      result.missing.push_back(graph[id].name);
      continue;
    }
    const FileTensor& tensor = *found->second;
    Shape shape;
    for (const std::int64_t extent : tensor.shape) shape.append(extent);
    const Shape wanted = file_shape(graph[id].value.shape(), layouts[std::size_t(id)]);
    if (shape == wanted)
      result.pairs.push_back({id, tensor.name});
    else
      result.wrong_shape.push_back(
          fmt::format("{} is {}, needs {}", tensor.name, shape.text(), wanted.text()));
    in_file.erase(found);
  }
  for (const auto& [name, tensor] : in_file) result.unused.push_back(tensor->name);
  return result;
}

void load_weights(const Graph& graph, const SafetensorsFile& file, const std::string& prefix) {
  const NameMatch match = match_names(graph, file, prefix);
  if (!match.complete()) {
    std::string what;
    if (!match.missing.empty()) what += "; missing: " + some_of(match.missing);
    if (!match.unused.empty()) what += "; not in the model: " + some_of(match.unused);
    if (!match.wrong_shape.empty()) what += "; wrong shape: " + some_of(match.wrong_shape);
    throw FileError(file.path().string() + " does not fit the model" + what +
                    "; give the model, classes and image size that it was trained with");
  }
  const std::vector<WeightLayout> layouts = weight_layouts(graph);
  std::vector<Tensor> values;  // all are read before any is changed
  values.reserve(match.pairs.size());
  for (const auto& [leaf, name] : match.pairs) {
    const Tensor value = from_file_layout(file.read(name), layouts[std::size_t(leaf)]);
    if (value.dtype() != graph[leaf].value.dtype())
      throw FileError(fmt::format("{}: '{}' holds {}, needs {}", file.path().string(), name,
                                  name_of(value.dtype()), name_of(graph[leaf].value.dtype())));
    values.push_back(value);
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    graph[match.pairs[i].leaf].value.assign(values[i]);
}

std::string weights_digest(const Graph& graph) {
  Sha256 digest;
  for (const NamedTensor& tensor : weights_for_file(graph)) {
    const std::string label = tensor.name + ' ' + tensor.value.text() + '\n';
    digest.add(label.data(), label.size());
    digest.add(tensor.value.raw(), tensor.value.bytes());
  }
  return digest.hex();
}

}  // namespace hush::nn
