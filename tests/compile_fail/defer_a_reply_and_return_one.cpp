// expect: troupe: a handler that takes the promise of its reply returns nothing: void, or task<>
#include <troupe/troupe.hpp>

class twice : public troupe::actor {
public:
  int on(double, troupe::promise<int> reply) { return reply.give(1) ? 1 : 2; }
};

void use(troupe::ref<twice> t) { t.send(1.0); }
