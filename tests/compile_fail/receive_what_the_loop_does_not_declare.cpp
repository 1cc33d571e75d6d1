// expect: troupe: this loop_actor does not declare the message to receive
#include <troupe/troupe.hpp>

class reader : public troupe::loop_actor<int> {
public:
  troupe::task<> run() override { auto text = co_await receive<double>(); }
};

void use(troupe::runtime& rt) { rt.spawn<reader>(); }
