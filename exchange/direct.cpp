#include <troupe/exchange/detail/word_map.hpp>
#include <troupe/exchange/router.hpp>

namespace troupe {

namespace {

/// A subscriber gets the messages whose key equals its own.
class direct_router final : public router {
public:
  void bind(binding& b) override {
    entry* e = keys_.find(b.key);
    if (!e) {
      auto fresh = std::make_unique<entry>(b.key);
      e = fresh.get();
      keys_.insert(std::move(fresh));
    }
    e->bound.add(b);
  }
  void unbind(binding& b) override {
    entry& e = *keys_.find(b.key);
    e.bound.remove(b);
    if (e.bound.empty()) keys_.erase(e);
  }
  void find(std::string_view key, route& to) const override {
    if (const entry* e = keys_.find(key)) to.add(e->bound.read());
  }

private:
  struct entry {
    explicit entry(std::string k) : key(std::move(k)) {}
    std::string_view word() const noexcept { return key; }
    const std::string key;
    binding_set bound;
  };
  detail::word_map<entry> keys_;
};

}  // namespace

std::unique_ptr<router> make_direct_router() { return std::make_unique<direct_router>(); }

}  // namespace troupe
