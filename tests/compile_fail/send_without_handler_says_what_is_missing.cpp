// expect: troupe: this Actor has no handler `on` for exactly this Message
#include <troupe/troupe.hpp>

struct page {};
class printer : public troupe::actor {
public:
  void on(int) {}
};

void use(troupe::ref<printer> p) { p.send(page{}); }
