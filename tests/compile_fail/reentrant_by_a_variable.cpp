// expect: troupe: a class says whether it is reentrant by a constant: `static constexpr bool reentrant = true;`
#include <troupe/troupe.hpp>

class server : public troupe::actor {
public:
  bool reentrant = true;
  troupe::task<int> on(int n) { co_return n; }
};

void use(troupe::runtime& rt) { rt.spawn<server>(); }
