// expect: troupe: what may take effect by halves cannot be selected
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/select.hpp>

#include <vector>

void use(troupe::channel<int>& c, const std::vector<int>& numbers) {
  (void)troupe::select(c.send_all(numbers), c.receive()).get();
}
