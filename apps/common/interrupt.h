// Ctrl-C, SIGTERM and SIGUSR1 (which mpirun passes on to all ranks) as a flag that long work looks
// at between steps.
#pragma once

namespace hush::apps {

// From now on the first of each of these signals only sets the flag; a second one ends the program.
void catch_interrupts();
bool interrupted();

}  // namespace hush::apps
