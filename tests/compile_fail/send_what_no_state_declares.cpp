// expect: troupe: this Actor has no handler `on` for exactly this Message
#include <troupe/troupe.hpp>

class door : public troupe::actor {
  struct open {
    void on(int) {}
  };

public:
  using states = troupe::states<open>;
};

void use(troupe::ref<door> d) { d.send(1.0); }
