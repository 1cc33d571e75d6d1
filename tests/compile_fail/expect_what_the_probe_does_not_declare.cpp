// expect: troupe: this probe does not take that message: declare it, as in probe<tick, M>
#include <troupe/testing/probe.hpp>

struct tick {};
struct trouble {};

void use(troupe::testing::probe<tick>& p) { (void)p.expect<trouble>(); }
