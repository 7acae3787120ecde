#include "apps/serve/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apps/serve/secure_options_text.h"
#include "nn/replacement.h"
#include "nn/safetensors.h"

namespace hush::apps {
namespace {

using nn::NamedTensor;

constexpr const char* kSuffix = ".safetensors";

std::string file_role(mpc::Role role) {
  return role == mpc::Role::dealer ? "dealer" : std::to_string(int(role));
}

// Gates and coefficients: public, and part of the network's plan.
std::vector<NodeId> public_leaves(const Graph& graph) {
  std::vector<NodeId> leaves;
  for (const nn::GatedLayer& layer : nn::gated_layers(graph)) {
    leaves.push_back(layer.gate);
    leaves.push_back(layer.coefficients);
  }
  return leaves;
}

std::vector<NamedTensor> public_tensors(const Graph& graph) {
  std::vector<NamedTensor> tensors;
  for (const NodeId leaf : public_leaves(graph))
    tensors.push_back({"public." + graph[leaf].name, graph[leaf].value});
  return tensors;
}

void add_weights(std::vector<NamedTensor>& tensors, const mpc::SecureWeights& weights) {
  for (std::size_t i = 0; i < weights.weights.size(); ++i) {
    tensors.push_back({fmt::format("secret.{}.weight", i), weights.weights[i]});
    if (weights.biases[i].defined())
      tensors.push_back({fmt::format("secret.{}.bias", i), weights.biases[i]});
  }
}

Id parse_id(const std::string& text, const std::string& where) {
  Id id{};
  for (std::size_t i = 0; i < id.size(); ++i) {
    unsigned value = 0;
    const char* const at = text.data() + 2 * i;
    if (text.size() != 2 * id.size() || std::from_chars(at, at + 2, value, 16).ptr != at + 2)
      throw FileError(where + ": its identity is no 32 hexadecimal digits");
    id[i] = std::byte(value);
  }
  return id;
}

const std::string& entry(const nn::SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end())
    throw FileError(
        fmt::format("{} is not a split model; make one with pi_split", file.path().string()));
  return found->second;
}

void check_role(const nn::SafetensorsFile& file, mpc::Role role) {
  const std::string& is = entry(file, "split.party");
  if (is != file_role(role))
    throw FileError(fmt::format("{} is for {}{}, not for {}: each machine has files of its own",
                                file.path().string(), is == "dealer" ? "the " : "party ", is,
                                mpc::role_name(role)));
}

void check_digest(const nn::SafetensorsFile& file) {
  std::vector<NamedTensor> tensors;
  for (const nn::FileTensor& tensor : file.tensors())
    tensors.push_back({tensor.name, file.read(tensor.name)});
  std::ranges::sort(tensors, {}, &NamedTensor::name);
  if (split_digest(tensors) != entry(file, "split.digest"))
    throw FileError(fmt::format("{} is damaged: copy it again", file.path().string()));
}

void load_public(Graph& graph, const nn::SafetensorsFile& file) {
  for (const NodeId leaf : public_leaves(graph))
    graph.set_value(leaf, file.read("public." + graph[leaf].name));
}

mpc::SecureWeights load_weights(const mpc::SecureNetwork& network,
                                const nn::SafetensorsFile& file) {
  mpc::SecureWeights weights = network.empty_weights();
  const auto load = [&](Tensor& target, const std::string& name) {
    if (!target.defined()) return;
    const Tensor value = file.read(name);
    if (value.shape() != target.shape() || value.dtype() != DType::ring64)
      throw FileError(fmt::format("{}: {} is {}, not {}", file.path().string(), name, value.text(),
                                  target.text()));
    target = value;
  };
  for (std::size_t i = 0; i < weights.weights.size(); ++i) {
    load(weights.weights[i], fmt::format("secret.{}.weight", i));
    load(weights.biases[i], fmt::format("secret.{}.bias", i));
  }
  return weights;
}

bool has_weights(mpc::Role role, mpc::WeightMode mode) {
  return role == mpc::Role::party0 || (role == mpc::Role::party1 && mode != mpc::WeightMode::owner);
}

}  // namespace

std::string split_digest(const std::vector<nn::NamedTensor>& tensors) {
  mpc::Sha256 sha;
  for (const NamedTensor& tensor : tensors) {
    const std::string heading = tensor.name + " " + tensor.value.text() + "\n";
    sha.update(std::as_bytes(std::span(heading)));
    const auto* const bytes = tensor.value.raw();
    sha.update({bytes, tensor.value.bytes()});
  }
  return mpc::hex(sha.digest());
}

void split_model(const Graph& graph, const nn::ModelInfo& info, const mpc::SecureOptions& options,
                 const std::filesystem::path& folder, const std::string& name) {
  require(!name.empty() && name.size() < kNameBytes && printable(name) == name,
          "model name \"{}\": use 1 to {} printable characters", name, kNameBytes - 1);
  const mpc::SecureNetwork network(graph, options);
  const mpc::SecureWeights plain = network.weights();
  auto generator = mpc::Generator::from_system();
  std::array<mpc::SecureWeights, 2> parts = {plain, plain};
  if (options.weights == mpc::WeightMode::shared) parts = mpc::share_weights(plain, generator);
  nn::Metadata metadata = nn::to_metadata(info);
  metadata["split.identity"] = mpc::hex(random_id());
  metadata["split.options"] = secure_options_text(options);
  for (const mpc::Role role : {mpc::Role::party0, mpc::Role::party1, mpc::Role::dealer}) {
    std::vector<NamedTensor> tensors = public_tensors(graph);
    if (has_weights(role, options.weights)) add_weights(tensors, parts[std::size_t(role)]);
    std::ranges::sort(tensors, {}, &NamedTensor::name);
    metadata["split.party"] = file_role(role);
    metadata["split.digest"] = split_digest(tensors);
    const std::filesystem::path target = folder / mpc::role_name(role);
    std::filesystem::create_directories(target);
    std::filesystem::permissions(target, std::filesystem::perms::owner_all);
    nn::write_safetensors(target / (name + kSuffix), tensors, metadata);
  }
}

SplitModel load_split_model(const std::filesystem::path& path, mpc::Role role) {
  const nn::SafetensorsFile file(path);
  check_role(file, role);
  check_digest(file);
  SplitModel model;
  model.name = path.stem().string();
  model.info = nn::from_metadata(file.metadata(), path.string());
  model.identity = parse_id(entry(file, "split.identity"), path.string());
  const mpc::SecureOptions options =
      parse_secure_options(entry(file, "split.options"), path.string());
  Graph graph = nn::make_network(model.info);
  load_public(graph, file);
  model.network = std::make_unique<mpc::SecureNetwork>(graph, options);
  if (has_weights(role, options.weights)) model.weights = load_weights(*model.network, file);
  return model;
}

std::vector<SplitModel> load_split_models(const std::filesystem::path& folder, mpc::Role role) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& file : std::filesystem::directory_iterator(folder, error))
    if (file.path().extension() == kSuffix) paths.push_back(file.path());
  if (error || paths.empty())
    throw FileError(fmt::format("{}: there are no models (*.safetensors); make some with pi_split",
                                folder.string()));
  std::ranges::sort(paths);
  std::vector<SplitModel> models;
  models.reserve(paths.size());
  for (const auto& path : paths) models.push_back(load_split_model(path, role));
  return models;
}

}  // namespace hush::apps
