// expect: troupe: this Actor has no handler `on` for exactly this Message
#include <troupe/troupe.hpp>

class scale : public troupe::actor {
public:
  double on(double d) { return d; }
};

void use(troupe::ref<scale> s) { (void)s.ask(1, std::chrono::seconds(1)).get(); }
