// expect: troupe: a loop actor has no handlers that could overlap: it cannot be reentrant
#include <troupe/troupe.hpp>

class printer : public troupe::loop_actor<int> {
public:
  static constexpr bool reentrant = true;
  troupe::task<> run() override { (void)co_await receive(); }
};

void use(troupe::runtime& rt) { rt.spawn<printer>(); }
