// expect: troupe: an exchange that is attached to another keeps nothing back, so it has no options
#include <troupe/exchange/exchange.hpp>

void use(troupe::exchange<int>& from, troupe::exchange<int>& to) { (void)from.attach(to, {.limit = 10}); }
