// expect: troupe: what goes through a blocking_queue must not throw
#include <troupe/scheduler/blocking_queue.hpp>

struct heavy {
  heavy(const heavy&) {}
};

troupe::blocking_queue<heavy> q;
