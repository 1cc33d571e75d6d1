// expect: nodiscard
#include <troupe/scheduler/this_task.hpp>

#pragma GCC diagnostic error "-Wunused-result"

void f() { troupe::this_task::sleep_for(std::chrono::seconds(1)); }
