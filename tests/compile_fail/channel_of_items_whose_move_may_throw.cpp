// expect: troupe: what goes through a channel must not throw
#include <troupe/scheduler/channel.hpp>

struct heavy {
  heavy(const heavy&) {}
};

troupe::channel<heavy> c;
