// expect: troupe: an exchange shares its messages, so this Actor needs a handler on(const Message&)
#include <troupe/troupe.hpp>

struct page {};
class owner : public troupe::actor {
public:
  void on(page&&) {}
};

void use(troupe::exchange<page> ex, troupe::ref<owner> o) { auto sub = ex.attach(o); }
