#include "nn/checkpoint.h"

#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <array>
#include <map>
#include <memory>

#include "nn/weight_layout.h"
#include "nn/weight_names.h"

namespace hush::nn {
namespace {

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

NameMatch match_names(const Graph& graph, const WeightFile& file, const std::string& prefix) {
  NameMatch result;
  const std::vector<NamedShape> entries = file.entries();
  const NameTranslation translation(entries, prefix);
  std::map<std::string, const NamedShape*> in_file;
  for (const NamedShape& tensor : entries) {
    if (!tensor.name.starts_with(prefix) || tensor.name.ends_with("num_batches_tracked")) continue;
    const bool fresh = in_file.emplace(translation(tensor.name), &tensor).second;
    if (!fresh) result.unused.push_back(tensor.name);  // two spellings of one name
  }
  const std::vector<WeightLayout> layouts = weight_layouts(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!is_stored(graph[id])) continue;
    const auto found = in_file.find(canonical_name(graph[id].name));
    if (found == in_file.end()) {
      result.missing.push_back(graph[id].name);
      continue;
    }
    const NamedShape& tensor = *found->second;
    const Shape wanted = file_shape(graph[id].value.shape(), layouts[std::size_t(id)]);
    if (tensor.shape == wanted)
      result.pairs.push_back({id, tensor.name});
    else
      result.wrong_shape.push_back(
          fmt::format("{} is {}, needs {}", tensor.name, tensor.shape.text(), wanted.text()));
    in_file.erase(found);
  }
  for (const auto& [name, tensor] : in_file) result.unused.push_back(tensor->name);
  return result;
}

namespace {

// Copies what fits into the graph; all values are read before any is changed.
void copy_pairs(const Graph& graph, const WeightFile& file, const NameMatch& match) {
  const std::vector<WeightLayout> layouts = weight_layouts(graph);
  std::vector<Tensor> values;
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

}  // namespace

std::string NameMatch::differences() const {
  std::string what;
  const auto add = [&](std::string_view title, const std::vector<std::string>& names) {
    if (!names.empty())
      what += fmt::format("{}{}: {}", what.empty() ? "" : "; ", title, some_of(names));
  };
  add("missing", missing);
  add("not in the model", unused);
  add("wrong shape", wrong_shape);
  return what;
}

void load_weights(const Graph& graph, const WeightFile& file, const std::string& prefix) {
  const NameMatch match = match_names(graph, file, prefix);
  if (!match.complete())
    throw FileError(file.path().string() + " does not fit the model; " + match.differences() +
                    "; give the model, classes and image size that it was trained with");
  copy_pairs(graph, file, match);
}

NameMatch load_fitting_weights(const Graph& graph, const WeightFile& file) {
  NameMatch match = match_names(graph, file);
  if (match.pairs.empty())
    throw FileError(fmt::format("{}: none of its tensors fits the model; {}", file.path().string(),
                                match.differences()));
  copy_pairs(graph, file, match);
  return match;
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
