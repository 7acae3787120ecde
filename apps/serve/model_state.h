// All that the evaluating thread has of one model: the network, its weight masks, and the lanes.
#pragma once

#include <vector>

#include "apps/serve/lane.h"

namespace hush::apps {

struct StateOptions {
  int party = 0;
  std::filesystem::path folder;      // private
  std::string name;                  // of the model, and of its files there
  mpc::Digest binding{};             // of the model, its options and its split into shares
  std::vector<std::size_t> batches;  // ascending
};

class ModelState {
 public:
  // Reads which masks there are. Throws FileError.
  ModelState(StateOptions options, std::unique_ptr<Evaluator> evaluator);

  ModelDemand demand() const;
  std::vector<Lane>& lanes() { return lanes_; }
  const Id& masks() const { return masks_; }  // zero: none
  // Whether there are masks that both parties have, and the network is set up with them.
  bool connected() const { return connected_; }

  // With a peer that has the same masks: both reconcile their stores and set up the network.
  void connect(mpc::Channel& peer);
  void disconnect();
  // The masks are of no use any more.
  void forget_masks() { masks_ = {}; }
  // Takes over masks that the peer takes over too, and connects. Stores begin anew.
  void adopt(Dealt& masks, mpc::Channel& peer);

 private:
  MaskIdentity mask_identity() const { return {options_.party, options_.binding}; }

  StateOptions options_;
  std::unique_ptr<Evaluator> evaluator_;
  mpc::Demand mask_demand_;
  std::filesystem::path mask_path_;
  std::vector<Lane> lanes_;
  Id masks_{};
  bool connected_ = false;
};

}  // namespace hush::apps
