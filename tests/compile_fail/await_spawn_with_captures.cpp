// expect: troupe: this compiler destroys
#include <troupe/scheduler/green_thread.hpp>

#include <string>

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
troupe::task<> use(troupe::scheduler& home, std::string text) {
  (void)co_await troupe::spawn(home, [text]() -> troupe::task<> { co_return; });
}
#else
static_assert(sizeof(std::string) == 0,
              "troupe: this compiler destroys such a temporary once, so there is nothing to refuse");
#endif
