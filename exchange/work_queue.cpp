#include <troupe/exchange/router.hpp>

namespace troupe {

namespace {

/// Each message goes to one subscriber that is alive, in turn.
class work_queue_router final : public router {
public:
  void bind(binding& b) override { all_.add(b); }
  void unbind(binding& b) override { all_.remove(b); }
  void find(const routing_facts&, route& to) const override {
    const auto members = all_.read();
    const std::size_t n = members.size();
    if (n == 0) return;
    const std::size_t turn = next_.fetch_add(1, relaxed);
    for (std::size_t i = 0; i != n; ++i) {
      binding& b = members[(turn + i) % n];
      if (!b.subscriber.get_cell()->closing()) return to.add(b);
    }
  }

private:
  binding_set all_;
  mutable atomic<std::size_t> next_{0};  // whose turn it is
};

}  // namespace

std::unique_ptr<router> make_work_queue_router() { return std::make_unique<work_queue_router>(); }

}  // namespace troupe
