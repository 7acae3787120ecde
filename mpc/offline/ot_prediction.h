// What the OT provider will send, to the byte and round, before it sends anything: so that a demand
// of hundreds of gigabytes is refused and not begun.
//
// Rounds are those of Traffic::rounds for the first demand after the set-up; a later one may share
// a round with the one before it, and take one less.
#pragma once

#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/ot/correlated_ot.h"

namespace hush::mpc {

// Base OTs and seeds, both ways; once a connection.
Cost predict_ot_setup(OtExtension extension);

// OtProvider::provide of `demand`. Throws ArgumentError if OT cannot make something of it.
Cost predict_ot(OtExtension extension, const Demand& demand);

}  // namespace hush::mpc
