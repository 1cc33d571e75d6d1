#include <troupe/exchange/router.hpp>

namespace troupe {

namespace {

/// Each message goes to one subscriber, in turn.
class work_queue_router final : public router {
public:
  void bind(binding& b) override { all_.add(b); }
  void unbind(binding& b) override { all_.remove(b); }
  void find(std::string_view, route& to) const override {
    const auto members = all_.read();
    if (members.size() != 0) to.add(members[next_.fetch_add(1, relaxed) % members.size()]);
  }

private:
  binding_set all_;
  mutable atomic<std::size_t> next_{0};  // whose turn it is
};

}  // namespace

std::unique_ptr<router> make_work_queue_router() { return std::make_unique<work_queue_router>(); }

}  // namespace troupe
