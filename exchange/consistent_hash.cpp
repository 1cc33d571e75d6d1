#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/key_table.hpp>
#include <troupe/exchange/router.hpp>

namespace troupe {

namespace {

constexpr unsigned points_per_weight = 64;
constexpr unsigned most_weight = 1000;

/// The weight that a binding asks for with its key; 0 if that is none.
unsigned weight_of(std::string_view key) noexcept {
  if (key.empty()) return 1;
  unsigned weight = 0;
  const auto read = std::from_chars(key.data(), key.data() + key.size(), weight);
  return read.ec == std::errc() && read.ptr == key.data() + key.size() && weight <= most_weight ? weight : 0;
}

/// Consistent hashing (Karger et al., "Consistent hashing and random trees", 1997): each subscriber has points on a
/// ring, by its age and not its address, so that they are the same in each run (C12); a message goes to the next point
/// behind the hash of its key.
class consistent_hash_router final : public router {
public:
  consistent_hash_router() : ring_(new ring) {}
  ~consistent_hash_router() override { delete ring_.load(relaxed); }

  result<void> check(std::string_view key) const override {
    if (weight_of(key) != 0) return {};
    return error(errc::invalid_argument,
                 fmt::format("'{}' is no weight: expected a whole number from 1 to {}", key, most_weight));
  }

  void bind(binding& b) override {
    auto next = std::make_unique<ring>(*ring_.load(relaxed));
    const std::size_t before = next->size();
    for (unsigned i = 0; i != weight_of(b.key) * points_per_weight; ++i)
      next->push_back({detail::spread(detail::spread(b.subscriber.id()) + i), &b});
    const auto middle = next->begin() + static_cast<std::ptrdiff_t>(before);
    std::sort(middle, next->end(), earlier);
    std::inplace_merge(next->begin(), middle, next->end(), earlier);
    replace(std::move(next));
  }

  void unbind(binding& b) override {
    auto next = std::make_unique<ring>(*ring_.load(relaxed));
    std::erase_if(*next, [&](const point& p) { return p.owner == &b; });
    replace(std::move(next));
  }

  void find(const routing_facts& by, route& to) const override {
    const ring& all = *ring_.load(acquire);
    const point wanted{detail::spread(detail::hash_of(by.key)), nullptr};
    const auto first =
        static_cast<std::size_t>(std::lower_bound(all.begin(), all.end(), wanted, earlier) - all.begin());
    for (std::size_t i = 0; i != all.size(); ++i) {
      binding& b = *all[(first + i) % all.size()].owner;
      if (!b.subscriber.get_cell()->closing()) return to.add(b);
    }
  }

private:
  struct point {
    std::uint64_t at;
    binding* owner;
  };
  using ring = std::vector<point>;

  static bool earlier(const point& a, const point& b) noexcept { return a.at < b.at; }

  void replace(std::unique_ptr<ring> next) {
    const ring* old = ring_.load(relaxed);
    ring_.store(next.release(), release);
    epoch_retire(old);
  }

  atomic<const ring*> ring_;  // the writer's release pairs with the acquire in find()
};

}  // namespace

std::unique_ptr<router> make_consistent_hash_router() { return std::make_unique<consistent_hash_router>(); }

}  // namespace troupe
