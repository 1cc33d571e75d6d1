// expect: nodiscard
#include <troupe/scheduler/mutex.hpp>

#pragma GCC diagnostic error "-Wunused-result"

void f(troupe::mutex& m) { m.scoped().get(); }
