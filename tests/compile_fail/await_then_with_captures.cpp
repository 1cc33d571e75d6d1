// expect: troupe: this compiler destroys
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>

#include <string>

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
troupe::task<> use(troupe::future<int> f, std::string text) {
  (void)co_await std::move(f).then([text](troupe::result<int>) { return text.size(); });
}
#else
static_assert(sizeof(std::string) == 0,
              "troupe: this compiler destroys such a temporary once, so there is nothing to refuse");
#endif
