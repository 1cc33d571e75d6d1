// expect: [with Actor = printer; Message = page]
#include <troupe/troupe.hpp>

struct page {};
class printer : public troupe::actor {
public:
  void on(int) {}
};

#if defined(__clang__)
static_assert(sizeof(page) == 0,
              "clang names both as require_handler<printer, page>, g++ as [with Actor = printer; Message = page]");
#endif

void use(troupe::ref<printer> p) { p.send(page{}); }
