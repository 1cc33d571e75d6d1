// expect: troupe: this loop_actor declares no message to receive
#include <troupe/troupe.hpp>

class source : public troupe::loop_actor<> {
public:
  troupe::task<> run() override { (void)co_await receive(); }
};

void use(troupe::runtime& rt) { rt.spawn<source>(); }
