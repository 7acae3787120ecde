// The weight masks of one lane (a model at one batch size) as one party keeps them, so that a
// restarted server goes on with the correlations it has: products in the store are for these masks.
//
// The file is written whole or not at all (mode 0600). Layout, little-endian:
//   magic "HUSHMASK", version u32, party u32, id 16, binding 32, payload bytes u64,
//   payload: the fields of all shares of the set-up demand, in order,
//   SHA-256 of all before (it finds damage, not forgery)
#pragma once

#include <filesystem>
#include <optional>

#include "apps/serve/messages.h"
#include "mpc/channel/sha256.h"
#include "mpc/offline/correlation_source.h"
#include "mpc/offline/demand.h"

namespace hush::apps {

struct MaskIdentity {
  int party = 0;
  mpc::Digest binding{};  // of model and demand: masks must never meet other weights
};

// Takes what `demand` asks for from `source` and keeps it as the masks `id`. Throws FileError.
void write_mask_file(const std::filesystem::path& path, const MaskIdentity& identity, const Id& id,
                     const mpc::Demand& demand, mpc::CorrelationSource& source);

// Puts the masks into `source` and returns their id; nothing if there is no file, or one for
// another model. Throws FileError if the file is damaged or may be read by others.
std::optional<Id> read_mask_file(const std::filesystem::path& path, const MaskIdentity& identity,
                                 const mpc::Demand& demand, mpc::MemorySource& source);

}  // namespace hush::apps
