// expect: troupe: the handlers of one message in the states of an actor have different replies
#include <troupe/troupe.hpp>

class door : public troupe::actor {
  struct open {
    int on(int n) { return n; }
  };

public:
  using states = troupe::states<open>;
  double on(int n) { return n; }
};

void use(troupe::ref<door> d) { d.send(1); }
