// expect: troupe: this probe cannot be asked with that message: declare it with its reply, as in probe<R(M)>
#include <troupe/testing/probe.hpp>

struct tick {};

void use(troupe::testing::probe<tick>& p) {
  p.answer<tick>([](const tick&) { return 1; });
}
