// expect: troupe: this Actor has no handler `on` for exactly this Message
#include <troupe/testing/faults.hpp>

class scale : public troupe::actor {
public:
  void on(double) {}
};

void use(troupe::testing::faults& f, troupe::ref<scale> s) { f.drop<int>(s); }
