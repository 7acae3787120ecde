// The secure network of a split model (mpc/secure) as services use it.
#pragma once

#include "apps/serve/evaluator.h"
#include "apps/serve/model_files.h"
#include "apps/serve/server.h"
#include "mpc/secure/model.h"

namespace hush::apps {

// What both servers and the dealer must agree on: the plan, the split, and the batch sizes.
mpc::Session session_of(const SplitModel& model, const std::vector<std::size_t>& batches);

// What a server sends its clients.
std::string card_of(const SplitModel& model, const ClientLimits& limits);

// A model ready to be served, by batches of these sizes.
ServerModel server_model(SplitModel model, const std::vector<std::size_t>& batches,
                         const ClientLimits& limits);

// What the dealer needs. Throws ArgumentError if a batch would be too large to handle.
ModelDemand demand_of(const mpc::SecureNetwork& network, const std::vector<std::size_t>& batches);

}  // namespace hush::apps
