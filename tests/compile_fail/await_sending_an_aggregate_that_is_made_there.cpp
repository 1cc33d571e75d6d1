// expect: troupe: this compiler destroys an item
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/task.hpp>

#include <string>

struct query {
  std::string text;
};

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
troupe::task<> use(troupe::channel<query>& c) { (void)co_await c.send(query{"why"}); }
#else
static_assert(sizeof(query) == 0, "troupe: this compiler destroys an item once, so there is nothing to refuse");
#endif
