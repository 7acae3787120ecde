// The file of a split model, changed in ways that a digest does not stop, for whoever can write the
// file can write its digest: tensors gone, renamed, or of another shape, type or content, metadata
// that says something else. Loading gives weights that fit the network that came with them, or
// throws an Error.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "apps/serve/model_files.h"
#include "nn/safetensors.h"
#include "tests/fuzz/replayed_transport.h"

using namespace hush;
using namespace hush::apps;
using mpc::Input;

namespace {

namespace fs = std::filesystem;

// The files of a small replaced network, where writing is cheap; gone at the end.
class Folder {
 public:
  Folder()
      : path_((fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
              ("hush-split-fuzz-" + std::to_string(getpid()))) {
    nn::ModelInfo info;
    info.model = "resnet8";
    info.classes = 3;
    info.image = {1, 8, 8, 3};
    info.mean = {0, 0, 0};
    info.std = {1, 1, 1};
    info.replacement = "autorep dapa2";
    info.budget = 1000;
    split_model(nn::make_network(info, 1), info, {}, path_, "real");
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  fs::path real(mpc::Role role) const { return path_ / mpc::role_name(role) / "real.safetensors"; }
  fs::path changed() const { return path_ / "changed.safetensors"; }

 private:
  fs::path path_;
};

struct Content {
  std::vector<nn::NamedTensor> tensors;
  nn::Metadata metadata;
};

Content content_of(const fs::path& path) {
  const nn::SafetensorsFile file(path);
  Content content{{}, file.metadata()};
  for (const nn::FileTensor& tensor : file.tensors())
    content.tensors.push_back({tensor.name, file.read(tensor.name)});
  return content;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Tensor any_tensor(Input& input) {
  Shape shape;
  for (auto left = input.number(1) % 5; left > 0; --left)
    shape.append(std::int64_t(input.number(1) % 9));
  constexpr DType kTypes[] = {DType::float32, DType::ring64, DType::int32, DType::uint8};
  return Tensor::zeros(shape, kTypes[input.number(1) % 4]);
}

// Sizes stay small: what a network of a given size takes is no matter of this file.
void change_metadata(Input& input, nn::Metadata& metadata) {
  constexpr const char* kKeys[] = {
      "model",  "replacement",  "activation",     "mean",          "std",        "class_names",
      "budget", "hush_version", "split.identity", "split.options", "split.party"};
  const std::size_t key = input.number(1) % (std::size(kKeys) + 2);
  if (key == std::size(kKeys)) {
    metadata["classes"] = std::to_string(input.number(1));
  } else if (key > std::size(kKeys)) {
    std::string& image = metadata["image"] = std::to_string(input.number(1) % 20);
    for (int i = 0; i < 2; ++i) image += " " + std::to_string(input.number(1) % 20);
  } else if (input.number(1) % 4 == 0) {
    metadata.erase(kKeys[key]);
  } else {
    metadata[kKeys[key]] = text_of(input.bytes(input.number(1)));
  }
}

void change(Input& input, Content& content) {
  auto& tensors = content.tensors;
  const unsigned kind = unsigned(input.number(1)) % 5;
  if (kind == 0) return change_metadata(input, content.metadata);
  if (tensors.empty()) return;
  nn::NamedTensor& tensor = tensors[input.number(1) % tensors.size()];
  if (kind == 1) {
    tensor.value = any_tensor(input);
  } else if (kind == 2) {
    tensor.name = text_of(input.bytes(input.number(1) % 32));
  } else if (kind == 3) {
    std::swap(tensor, tensors.back());
    tensors.pop_back();
  } else if (tensor.value.bytes() > 0) {
    const auto bytes = input.bytes(std::min<std::size_t>(4, tensor.value.bytes()));
    std::memcpy(tensor.value.raw() + input.number(2) * 4 % tensor.value.bytes() / 4 * 4,
                bytes.data(), bytes.size());
  }
}

void check(bool fine) {
  if (!fine) std::abort();
}

void check_fits(const mpc::SecureNetwork& network, const mpc::SecureWeights& weights) {
  if (weights.weights.empty()) return;
  const mpc::SecureWeights empty = network.empty_weights();
  check(weights.weights.size() == empty.weights.size());
  for (std::size_t i = 0; i < weights.weights.size(); ++i) {
    check(weights.weights[i].shape() == empty.weights[i].shape());
    check(weights.biases[i].defined() == empty.biases[i].defined());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  Input input(data, size);
  constexpr mpc::Role kRoles[] = {mpc::Role::party0, mpc::Role::party1, mpc::Role::dealer};
  const mpc::Role role = kRoles[input.number(1) % 3];
  Content content = content_of(folder.real(role));
  while (!input.empty()) change(input, content);
  try {
    std::ranges::sort(content.tensors, {}, &nn::NamedTensor::name);
    content.metadata["split.digest"] = split_digest(content.tensors);
    nn::write_safetensors(folder.changed(), content.tensors, content.metadata);
    const SplitModel model = load_split_model(folder.changed(), role);
    check_fits(*model.network, model.weights);
  } catch (const Error&) {
  }
  return 0;
}
