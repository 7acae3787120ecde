#include "apps/serve/model_state.h"

#include <fmt/format.h>

namespace hush::apps {

ModelState::ModelState(StateOptions options, std::unique_ptr<Evaluator> evaluator)
    : options_(std::move(options)),
      evaluator_(std::move(evaluator)),
      mask_demand_(evaluator_->mask_demand()),
      mask_path_(options_.folder / (options_.name + ".masks")) {
  for (const std::size_t batch : options_.batches)
    lanes_.emplace_back(options_.party,
                        options_.folder / fmt::format("{}.{}.store", options_.name, batch),
                        *evaluator_, batch);
  mpc::MemorySource checked;
  masks_ = read_mask_file(mask_path_, mask_identity(), mask_demand_, checked).value_or(Id{});
}

ModelDemand ModelState::demand() const {
  ModelDemand demand{mask_demand_, {}};
  for (const std::size_t batch : options_.batches)
    demand.batches.push_back(evaluator_->batch_demand(std::int64_t(batch)));
  return demand;
}

void ModelState::connect(mpc::Channel& peer) {
  disconnect();
  for (Lane& lane : lanes_) lane.connect(peer, masks_, options_.binding);
  mpc::MemorySource source;
  const auto id = read_mask_file(mask_path_, mask_identity(), mask_demand_, source);
  if (!id || *id != masks_)
    throw FileError(fmt::format("{} was changed by somebody else", mask_path_.string()));
  mpc::Party party(options_.party, peer, source, mpc::Generator::from_system());
  evaluator_->set_up(party);
  connected_ = true;
}

void ModelState::disconnect() {
  connected_ = false;
  for (Lane& lane : lanes_) lane.disconnect();
}

void ModelState::adopt(Dealt& masks, mpc::Channel& peer) {
  disconnect();
  masks_ = {};
  // In this order: a crash in between leaves no masks, or new masks with empty stores.
  std::filesystem::remove(mask_path_);
  for (Lane& lane : lanes_) lane.remove_store();
  write_mask_file(mask_path_, mask_identity(), masks.masks, mask_demand_, masks.source);
  masks_ = masks.masks;
  connect(peer);
}

}  // namespace hush::apps
