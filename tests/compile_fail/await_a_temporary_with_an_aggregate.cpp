// expect: troupe: this compiler destroys
#include <troupe/troupe.hpp>

#include <string>

struct query {
  std::string text;
};
class oracle : public troupe::actor {
public:
  int on(const query&) { return 42; }
};

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
troupe::task<> use(troupe::ref<oracle> o) { (void)co_await o.ask(query{"why"}, std::chrono::seconds(1)); }
#else
static_assert(sizeof(query) == 0,
              "troupe: this compiler destroys such a temporary once, so there is nothing to refuse");
#endif
