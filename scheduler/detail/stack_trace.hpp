#pragma once

#include <string>

namespace troupe::detail {

/// The stack of another thread of this process, by the number that the system gives it: a line for each function, the
/// innermost first. Waits for at most 100 ms until the thread has looked. Empty if it has not, or if the program uses
/// SIGURG otherwise. Any thread, one at a time.
std::string stack_of_thread(int thread_id);

}  // namespace troupe::detail
