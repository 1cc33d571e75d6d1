#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/key_table.hpp>
#include <troupe/exchange/router.hpp>

// As topic.cpp: bindings that ask for the same names have the same form. For each form of which a message has all
// names, its values give the hash of the bindings that ask for these. A binding that is content with one of several
// headers stands in the table once for each of them.
//
// HD1. The hash of a match with `all` is the sum of a number for its names and one for each name and value. Whether a
//      binding that was found by it fits is asked of its match, which stands in the entry as it was parsed.
// HD2. A form is in `forms_` and in the list while there is a binding of it. Readers see the list of one moment.

namespace troupe {

namespace {

using detail::key_entry;
using detail::parsed_match;

std::uint64_t hash_of(const message_headers::entry& e) noexcept {
  return detail::spread(detail::hash_of(e.first) + 3 * e.second.hash());
}

/// The names that some bindings ask for, in their order.
struct form {
  std::vector<std::string> names;
  std::uint64_t seed = 0;
  std::size_t matches = 0;  // the writer's
};

/// A match of this header alone.
std::string text_of(const message_headers::entry& e) { return "any " + e.first + "=" + e.second.text(); }

/// Stands for a binding under one of its headers.
struct alternative final : binding {
  alternative(binding& b, const message_headers::entry& e)
      : binding(any_ref(), text_of(e)), whole(&b), hash(hash_of(e)) {}
  binding* const whole;
  const std::uint64_t hash;
};

struct wanted_note final : detail::key_note {
  explicit wanted_note(parsed_match m) : wanted(std::move(m)) {}
  const parsed_match wanted;
};

std::unique_ptr<wanted_note> note_of(std::string_view key) {
  return std::make_unique<wanted_note>(*detail::parse_match(key));
}

bool fits(const key_entry& e, const message_headers& message) {
  return static_cast<const wanted_note&>(*e.note).wanted.fits(message);
}

class headers_router final : public router {
public:
  headers_router() : list_(new std::vector<const form*>) {}
  ~headers_router() override { delete list_.load(relaxed); }

  result<void> check(std::string_view key) const override {
    const auto parsed = detail::parse_match(key);
    if (!parsed) return parsed.error();
    if (!parsed->all) {  // each stands for itself, written anew, and a quoted text may be twice as long then
      for (const auto& each : parsed->wanted.entries())
        if (const auto alone = detail::parse_match(text_of(each)); !alone) return alone.error();
    }
    return {};
  }

  void bind(binding& b) override {
    const parsed_match match = *detail::parse_match(b.key);
    if (match.all)
      bind_all(b, match);
    else
      bind_any(b, match);
  }

  void unbind(binding& b) override {
    const parsed_match match = *detail::parse_match(b.key);
    if (!match.all) {
      const auto known = alternatives_.find(&b);
      take_off(known->second);
      alternatives_.erase(known);
      return;
    }
    const auto known = forms_.find(name_of(match));
    form& f = *known->second;
    if (!all_.remove(hash_of(f, match.wanted), b) || --f.matches != 0) return;
    list(f, false);
    epoch_retire(known->second.release());
    forms_.erase(known);
  }

  void find(const routing_facts& by, route& to) const override {
    static const message_headers none;
    const message_headers& message = by.headers ? *by.headers : none;
    for (const form* f : *list_.load(acquire)) {
      std::uint64_t sum = f->seed;
      const auto has = [&](const std::string& name) {
        const header_value* const value = message.find(name);
        if (value) sum += hash_of({name, *value});
        return value != nullptr;
      };
      if (std::all_of(f->names.begin(), f->names.end(), has)) look_for_all(sum, message, to);
    }
    for (const auto& each : message.entries()) {
      any_.find(hash_of(each), [&](const key_entry& e) {
        const binding_set::view bound = e.bound.read();
        if (fits(e, message)) bound.for_each([&](binding& b) { to.add(*static_cast<alternative&>(b).whole); });
        return false;
      });
    }
  }

  bool matches(std::string_view bound, const routing_facts& by) const override {
    const auto wanted = detail::parse_match(bound);
    return wanted && wanted->fits(by.headers ? *by.headers : message_headers());
  }

private:
  using alternative_list = std::vector<std::unique_ptr<alternative>>;

  static std::string name_of(const parsed_match& match) {
    std::string text;
    for (const auto& each : match.wanted.entries()) text += each.first + " ";
    return text;
  }
  static std::uint64_t hash_of(const form& f, const message_headers& wanted) noexcept {
    std::uint64_t sum = f.seed;
    for (const auto& each : wanted.entries()) sum += troupe::hash_of(each);
    return sum;
  }
  static std::uint64_t hash_of(const message_headers::entry& e) noexcept { return troupe::hash_of(e); }

  void look_for_all(std::uint64_t hash, const message_headers& message, route& to) const {
    all_.find(hash, [&](const key_entry& e) {
      const binding_set::view bound = e.bound.read();
      if (fits(e, message)) to.add(bound);
      return false;
    });
  }

  void bind_all(binding& b, const parsed_match& match) {
    auto [known, is_new] = forms_.try_emplace(name_of(match));
    if (is_new) {
      try {
        known->second = std::make_unique<form>();
        for (const auto& each : match.wanted.entries()) known->second->names.push_back(each.first);
        known->second->seed = detail::hash_of(known->first);
        list(*known->second, true);
      } catch (...) {
        forms_.erase(known);
        throw;
      }
    }
    form& f = *known->second;
    if (all_.add(hash_of(f, match.wanted), b, note_of(b.key))) ++f.matches;
  }

  void bind_any(binding& b, const parsed_match& match) {
    alternative_list& all = alternatives_[&b];
    try {
      for (const auto& each : match.wanted.entries()) {
        auto fresh = std::make_unique<alternative>(b, each);
        all.reserve(all.size() + 1);
        any_.add(fresh->hash, *fresh, note_of(fresh->key));
        all.push_back(std::move(fresh));
      }
    } catch (...) {
      take_off(all);
      alternatives_.erase(&b);
      throw;
    }
  }

  void take_off(alternative_list& all) {
    for (auto& each : all) {
      any_.remove(each->hash, *each);
      epoch_retire(each.release());
    }
  }

  /// Publishers see the form from now on, or no more.
  void list(const form& f, bool add) {
    const auto* old = list_.load(relaxed);
    auto next = std::make_unique<std::vector<const form*>>(*old);
    if (add)
      next->push_back(&f);
    else
      next->erase(std::find(next->begin(), next->end(), &f));
    list_.store(next.release(), release);
    epoch_retire(old);
  }

  detail::key_table all_;
  detail::key_table any_;
  std::map<std::string, std::unique_ptr<form>> forms_;       // the writer's
  std::map<const binding*, alternative_list> alternatives_;  // the writer's
  atomic<const std::vector<const form*>*> list_;             // the writer's release pairs with the acquire in find()
};

}  // namespace

std::unique_ptr<router> make_headers_router() { return std::make_unique<headers_router>(); }

}  // namespace troupe
