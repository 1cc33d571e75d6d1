#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/key_table.hpp>
#include <troupe/exchange/detail/topic_key.hpp>
#include <troupe/exchange/router.hpp>

// Tuple space search (Srinivasan, Suri and Varghese, "Packet classification using tuple space search", 1999): patterns
// whose wildcards stand in the same places have the same form. For each form that occurs a message's key gives the one
// hash that a fitting pattern of that form would have, and one look into a table finds it.
//
// T1. The hash of a pattern is the sum of a number for its form and one for each literal word that its form looks at,
//     by the word and its place: counted from the front before the first `#`, from the back behind the last, and from
//     the first `#` between the first two. What else stands in a pattern is not in its hash. So of each form all
//     patterns that fit a key are found at the hashes of that key; whether they do fit is then asked of their text.
// T2. A form is in `forms_` and in the lists while there is a pattern of it. Readers see the lists of one moment.

namespace troupe {

namespace {

using detail::key_entry;
using detail::spread;
using detail::topic_words;

std::uint64_t from_front(std::uint64_t word, std::size_t i) noexcept { return spread(word + i); }
std::uint64_t from_back(std::uint64_t word, std::size_t i) noexcept { return spread(word - 1 - i); }
std::uint64_t between(std::uint64_t word, std::size_t i) noexcept { return spread(~word + i); }

/// What patterns of one form have in common.
struct form {
  using places = std::vector<std::uint8_t>;  // those of the literal words, in a part

  explicit form(const topic_words& pattern) {
    std::size_t first = pattern.size(), second = first, last = first;
    for (std::size_t i = 0; i != pattern.size(); ++i) {
      if (pattern[i] != "#") continue;
      if (first == pattern.size())
        first = i;
      else if (second == pattern.size())
        second = i;
      last = i;
    }
    open = first != pattern.size();
    const auto part = [&](std::size_t from, std::size_t to) {
      places found;
      for (std::size_t i = from; i != to; ++i) {
        if (pattern[i] != "*") found.push_back(static_cast<std::uint8_t>(i - from));
      }
      return found;
    };
    front_words = first;
    front = part(0, first);
    if (!open) return;
    back_words = pattern.size() - last - 1;
    for (std::size_t place : part(last + 1, pattern.size()))
      back.push_back(static_cast<std::uint8_t>(back_words - 1 - place));
    if (second == pattern.size()) return;
    middle_words = second - first - 1;
    middle = part(first + 1, second);
  }

  /// As a text, for a map.
  std::string name() const {
    std::string text;
    const auto put = [&](std::size_t words, const places& literal) {
      const std::size_t from = text.size();
      text.append(words, '*');
      for (std::size_t place : literal) text[from + place] = 'w';
      text += open ? '#' : '.';
    };
    put(front_words, front);
    put(middle_words, middle);
    put(back_words, back);
    return text;
  }

  bool open = false;  // has a `#`
  std::size_t front_words = 0, middle_words = 0, back_words = 0;
  places front, middle, back;
  std::uint64_t seed = 0;
  std::size_t patterns = 0;  // the writer's
};

/// The words of a key and their hashes.
struct hashed_words {
  explicit hashed_words(const topic_words& w) noexcept : words(w) {
    for (std::size_t i = 0, n = w.size(); i != n; ++i) {
      hash[i] = detail::hash_of(w[i]);
      front[i] = from_front(hash[i], i);
      back[n - 1 - i] = from_back(hash[i], n - 1 - i);
    }
  }
  const topic_words& words;
  std::array<std::uint64_t, detail::most_topic_words> hash, front, back;
};

/// The part of the hash that does not depend on where a floating part stands.
std::uint64_t fixed_hash(const form& f, const hashed_words& key) noexcept {
  std::uint64_t sum = f.seed;
  for (std::size_t i : f.front) sum += key.front[i];
  for (std::size_t i : f.back) sum += key.back[i];
  return sum;
}

std::uint64_t middle_hash(const form& f, const hashed_words& key, std::size_t from) noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i : f.middle) sum += between(key.hash[from + i], i);
  return sum;
}

/// As direct, but with patterns.
class topic_router final : public router {
public:
  topic_router() : lists_(new lists) {}
  ~topic_router() override { delete lists_.load(relaxed); }

  result<void> check(std::string_view pattern) const override { return detail::check_topic_pattern(pattern); }

  void bind(binding& b) override {
    topic_words words;
    words.split(b.key);
    form shape(words);
    const std::string name = shape.name();
    auto known = forms_.find(name);
    const bool is_new = known == forms_.end();
    if (is_new) {
      shape.seed = detail::hash_of(name);
      known = forms_.emplace(name, std::make_unique<form>(std::move(shape))).first;
    }
    form& f = *known->second;
    if (is_new) {
      try {
        list(f, true);
      } catch (...) {
        forms_.erase(known);
        throw;
      }
    }
    if (table_.add(hash_of(f, words), b)) ++f.patterns;
  }

  void unbind(binding& b) override {
    topic_words words;
    words.split(b.key);
    const auto known = forms_.find(form(words).name());
    form& f = *known->second;
    if (table_.remove(hash_of(f, words), b) && --f.patterns == 0) drop(known);
  }

  void find(const routing_facts& by, route& to) const override {
    topic_words words;
    if (!words.split(by.key)) return;
    const hashed_words hashed(words);
    const lists& now = *lists_.load(acquire);
    const std::size_t n = words.size();
    if (n < now.closed.size()) {
      for (const form* f : now.closed[n]) probe(fixed_hash(*f, hashed), words, to);
    }
    for (const form* f : now.open) {
      if (n < f->front_words + f->middle_words + f->back_words) continue;
      const std::uint64_t fixed = fixed_hash(*f, hashed);
      if (f->middle.empty())
        probe(fixed, words, to);
      else
        probe_all(*f, fixed, hashed, to);
    }
  }

  bool matches(std::string_view pattern, const routing_facts& by) const override {
    topic_words words;
    return words.split(by.key) && detail::topic_fits(pattern, words);
  }

private:
  struct lists {
    std::vector<std::vector<const form*>> closed;  // by the number of words
    std::vector<const form*> open;
  };
  using form_map = std::map<std::string, std::unique_ptr<form>, std::less<>>;

  static std::uint64_t hash_of(const form& f, const topic_words& pattern) noexcept {
    const hashed_words hashed(pattern);
    return fixed_hash(f, hashed) + middle_hash(f, hashed, f.front_words + 1);
  }

  void probe(std::uint64_t hash, const topic_words& key, route& to) const {
    table_.find(hash, [&](const key_entry& e) {
      const binding_set::view bound = e.bound.read();
      if (bound.size() != 0 && detail::topic_fits(bound[0].key, key)) to.add(bound);
      return false;
    });
  }

  /// For patterns with a part between two `#`: it may stand anywhere. Equal words are looked for once.
  void probe_all(const form& f, std::uint64_t fixed, const hashed_words& key, route& to) const {
    std::array<std::uint64_t, detail::most_topic_words> seen;
    std::size_t n = 0;
    const std::size_t last = key.words.size() - f.back_words - f.middle_words;
    for (std::size_t i = f.front_words; i <= last; ++i) {
      const std::uint64_t hash = fixed + middle_hash(f, key, i);
      if (std::find(seen.begin(), seen.begin() + n, hash) != seen.begin() + n) continue;
      seen[n++] = hash;
      probe(hash, key.words, to);
    }
  }

  /// Publishers see the form from now on, or no more.
  void list(const form& f, bool add) {
    const lists* old = lists_.load(relaxed);
    auto next = std::make_unique<lists>(*old);
    if (!f.open && next->closed.size() <= f.front_words) next->closed.resize(f.front_words + 1);
    auto& in = f.open ? next->open : next->closed[f.front_words];
    if (add)
      in.push_back(&f);
    else
      in.erase(std::remove(in.begin(), in.end(), &f), in.end());
    lists_.store(next.release(), release);
    epoch_retire(old);
  }

  void drop(form_map::iterator known) {
    list(*known->second, false);
    epoch_retire(known->second.release());
    forms_.erase(known);
  }

  detail::key_table table_;
  form_map forms_;        // the writer's
  atomic<lists*> lists_;  // the writer's release pairs with the acquire in find()
};

}  // namespace

std::unique_ptr<router> make_topic_router() { return std::make_unique<topic_router>(); }

}  // namespace troupe
