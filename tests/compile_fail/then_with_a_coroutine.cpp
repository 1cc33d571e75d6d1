// expect: troupe: then takes a plain function
#include <troupe/scheduler/green_thread.hpp>

void f(troupe::future<int> a) {
  (void)std::move(a).then([](troupe::result<int> r) -> troupe::task<int> { co_return *r; });
}
