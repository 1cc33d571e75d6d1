// expect: troupe: what spawn is given must return a troupe::task
#include <troupe/troupe.hpp>

void use(troupe::runtime& rt) {
  auto f = rt.spawn([] { return 1; });
}
