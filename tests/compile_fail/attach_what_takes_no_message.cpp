// expect: troupe: what is attached to an exchange is an actor, an address, another exchange, a callable that takes
#include <string>

#include <troupe/exchange/exchange.hpp>

void use(troupe::exchange<int>& from, std::string& to) { (void)from.attach(to); }
