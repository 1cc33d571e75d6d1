// expect: troupe: this compiler destroys
#include <troupe/scheduler/blocking.hpp>
#include <troupe/scheduler/task.hpp>

#include <string>

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
troupe::task<> use(std::string text) {
  (void)co_await troupe::blocking([text] { return text.size(); });
}
#else
static_assert(sizeof(std::string) == 0,
              "troupe: this compiler destroys such a temporary once, so there is nothing to refuse");
#endif
