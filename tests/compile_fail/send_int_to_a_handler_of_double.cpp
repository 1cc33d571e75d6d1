// expect: troupe: this Actor has no handler `on` for exactly this Message
#include <troupe/troupe.hpp>

class scale : public troupe::actor {
public:
  void on(double) {}
};

void use(troupe::ref<scale> s) { s.send(1); }
