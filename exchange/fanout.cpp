#include <troupe/exchange/router.hpp>

namespace troupe {

namespace {

/// Every subscriber gets every message, whatever the keys.
class fanout_router final : public router {
public:
  void bind(binding& b) override { all_.add(b); }
  void unbind(binding& b) override { all_.remove(b); }
  void find(std::string_view, route& to) const override { to.add(all_.read()); }

private:
  binding_set all_;
};

}  // namespace

std::unique_ptr<router> make_fanout_router() { return std::make_unique<fanout_router>(); }

}  // namespace troupe
