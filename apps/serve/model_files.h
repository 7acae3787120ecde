// The files that servers and dealer load: a model split so that nobody has more than it should.
//
// `split_model` makes three files of a model file, one for each machine:
//
//   party0.safetensors   shared: uniform shares of the weights; owner, public: the weights
//   party1.safetensors   shared: the other shares; owner: no weights; public: the weights
//   dealer.safetensors   no weights
// Each is a safetensors file whose tensors are, in the graph's layout,
//   public.LEAF          gates and polynomial coefficients of replaced ReLUs
//   secret.N.weight, secret.N.bias   ring64, of the evaluator's product number N, folded and
//   encoded
// with the metadata of model files (nn/checkpoint.h) and
//   split.party "0", "1" or "dealer";  split.identity 32 hexadecimal digits, random, the same in
//   all three;  split.options "weights shared relu dcf …";  split.digest SHA-256 over the tensors
//
// The identity names this very split: stores and masks are bound to it, so that masks that were
// used with these weights never meet others.
#pragma once

#include <filesystem>

#include "apps/serve/messages.h"
#include "core/graph.h"
#include "mpc/channel/session.h"
#include "mpc/secure/network.h"
#include "nn/checkpoint.h"
#include "nn/named_tensor.h"

namespace hush::apps {

// Writes the three files into `folder`/party0/, /party1/ and /dealer/ as NAME.safetensors, where
// NAME is `name`; the folders are private. Throws FileError, ArgumentError.
void split_model(const Graph& graph, const nn::ModelInfo& info, const mpc::SecureOptions& options,
                 const std::filesystem::path& folder, const std::string& name);

// One of these files.
struct SplitModel {
  std::string name;  // of the file, without its suffix
  nn::ModelInfo info;
  Id identity{};
  std::unique_ptr<mpc::SecureNetwork> network;
  mpc::SecureWeights weights;  // this party's; empty for the dealer, and for party 1 of an owner
};

// split.digest of tensors in the order of their names: over names, types, shapes and values.
std::string split_digest(const std::vector<nn::NamedTensor>& tensors);

// `role` is party0, party1 or dealer. Throws FileError if the file is damaged or for another role.
SplitModel load_split_model(const std::filesystem::path& path, mpc::Role role);

// All *.safetensors files of a folder, by name. Throws FileError if there is none.
std::vector<SplitModel> load_split_models(const std::filesystem::path& folder, mpc::Role role);

}  // namespace hush::apps
