// A run of pretrain: trains a network, shows how it goes, and writes its files.
#pragma once

#include "apps/training/options.h"

namespace hush::apps {

// To be called by all ranks; rank 0 shows and writes. Returns the program's exit status.
int train(const TrainingOptions& options, Communicator& ranks);

// The same with options.ranks ranks as threads of this process.
int train_in_threads(const TrainingOptions& options);

}  // namespace hush::apps
