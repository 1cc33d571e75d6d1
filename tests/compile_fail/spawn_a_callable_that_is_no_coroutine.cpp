// expect: spawn: the callable must return a troupe::task
#include <troupe/troupe.hpp>

void use(troupe::runtime& rt) {
  auto f = rt.spawn([] { return 1; });
}
