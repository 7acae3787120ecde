// Ctrl-C and SIGTERM as a flag that long work looks at between steps.
#pragma once

namespace hush::apps {

// From now on the first SIGINT or SIGTERM only sets the flag; a second one ends the program.
void catch_interrupts();
bool interrupted();

}  // namespace hush::apps
