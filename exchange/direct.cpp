#include <troupe/exchange/detail/key_table.hpp>
#include <troupe/exchange/router.hpp>

namespace troupe {

namespace {

/// A subscriber gets the messages whose key equals its own.
class direct_router final : public router {
public:
  void bind(binding& b) override { table_.add(detail::hash_of(b.key), b); }
  void unbind(binding& b) override { table_.remove(detail::hash_of(b.key), b); }
  void find(const routing_facts& by, route& to) const override {
    table_.find(detail::hash_of(by.key), [&](const detail::key_entry& e) {
      const binding_set::view bound = e.bound.read();
      if (bound.size() == 0 || bound[0].key != by.key) return false;
      to.add(bound);
      return true;
    });
  }
  bool matches(std::string_view bound, const routing_facts& by) const override { return bound == by.key; }

private:
  detail::key_table table_;
};

}  // namespace

std::unique_ptr<router> make_direct_router() { return std::make_unique<direct_router>(); }

}  // namespace troupe
