// expect: troupe: this compiler destroys
#include <troupe/scheduler/scope.hpp>

#include <string>

#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
troupe::task<> use(std::string text) {
  co_await troupe::with_scope([text](troupe::scope&) -> troupe::task<> { co_return; });
}
#else
static_assert(sizeof(std::string) == 0,
              "troupe: this compiler destroys such a temporary once, so there is nothing to refuse");
#endif
