// expect: troupe: an exchange passes on a copy to one that is attached to it: the message has to be copyable
#include <memory>

#include <troupe/exchange/exchange.hpp>

void use(troupe::exchange<std::unique_ptr<int>>& from, troupe::exchange<std::unique_ptr<int>>& to) {
  (void)from.attach(to);
}
