#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <troupe/exchange/detail/word_map.hpp>
#include <troupe/exchange/router.hpp>

namespace troupe {

namespace {

constexpr std::size_t longest_key = 255;  // bytes, as in AMQP
constexpr std::size_t most_wildcards =
    3;  // `#` in one pattern: each multiplies the cost of matching by the words of a key

using words = std::vector<std::string_view>;

void split(std::string_view key, words& into) {
  into.clear();
  for (std::size_t from = 0;;) {
    const std::size_t dot = key.find('.', from);
    into.push_back(key.substr(from, dot - from));
    if (dot == std::string_view::npos) return;
    from = dot + 1;
  }
}

/// A trie of the words of all patterns. `*` and `#` are words like others here; matching tells them apart.
struct node {
  node(std::string w, node* p) : text(std::move(w)), parent(p) {}
  std::string_view word() const noexcept { return text; }

  const std::string text;
  node* const parent;
  binding_set bound;
  detail::word_map<node> children;
};

/// As direct, but with patterns.
class topic_router final : public router {
public:
  result<void> check(std::string_view pattern) const override {
    if (pattern.size() > longest_key)
      return error(errc::invalid_argument,
                   fmt::format("a pattern of {} bytes: at most {} are allowed", pattern.size(), longest_key));
    words w;
    split(pattern, w);
    if (std::count(w.begin(), w.end(), "#") > static_cast<std::ptrdiff_t>(most_wildcards))
      return error(errc::invalid_argument,
                   fmt::format("pattern '{}' has more than {} times '#'", pattern, most_wildcards));
    for (std::string_view word : w) {
      if (word.size() > 1 && word.find_first_of("*#") != std::string_view::npos)
        return error(errc::invalid_argument,
                     fmt::format("pattern '{}': '*' and '#' stand for whole words, '{}' mixes them with letters",
                                 pattern, word));
    }
    return {};
  }

  void bind(binding& b) override {
    node* at = &root_;
    words w;
    split(b.key, w);
    for (std::string_view word : w) {
      node* next = at->children.find(word);
      if (!next) {
        auto fresh = std::make_unique<node>(std::string(word), at);
        next = fresh.get();
        at->children.insert(std::move(fresh));
      }
      at = next;
    }
    at->bound.add(b);
  }

  void unbind(binding& b) override {
    node* at = &root_;
    words w;
    split(b.key, w);
    for (std::string_view word : w) at = at->children.find(word);
    at->bound.remove(b);
    while (at->parent && at->bound.empty() && at->children.empty()) {
      node* parent = at->parent;
      parent->children.erase(*at);
      at = parent;
    }
  }

  void find(std::string_view key, route& to) const override {
    if (key.size() > longest_key) return;
    words& w = to.scratch();
    split(key, w);
    match(root_, 0, w, to);
  }

private:
  static void match(const node& at, std::size_t i, const words& w, route& to) {
    if (const node* any = at.children.find("#")) {
      // It may stand for no word, one word, ... all that are left.
      for (std::size_t j = i; j <= w.size(); ++j) match(*any, j, w, to);
    }
    if (i == w.size()) return to.add(at.bound.read());
    if (w[i] != "*" && w[i] != "#") {
      if (const node* literal = at.children.find(w[i])) match(*literal, i + 1, w, to);
    }
    if (const node* one = at.children.find("*")) match(*one, i + 1, w, to);
  }

  node root_{"", nullptr};
};

}  // namespace

std::unique_ptr<router> make_topic_router() { return std::make_unique<topic_router>(); }

}  // namespace troupe
