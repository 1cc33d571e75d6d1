// expect: nodiscard
#include <troupe/scheduler/blocking.hpp>

#pragma GCC diagnostic error "-Wunused-result"

void f() {
  troupe::blocking([] { return 1; });
}
