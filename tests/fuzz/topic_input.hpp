#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/base/epoch.hpp>
#include <troupe/exchange/router.hpp>

/// What a fuzzer finds for topic routing, and a test repeats: lines that bind a pattern (`+a.#`), take it off (`-a.#`)
/// or are a key to look for. Each answer is compared with that of a matcher that is too simple to be wrong.
namespace fuzz {

using words = std::vector<std::string_view>;

inline words split(std::string_view text) {
  words made;
  if (text.empty()) return made;
  for (std::size_t from = 0;;) {
    const std::size_t dot = text.find('.', from);
    made.push_back(text.substr(from, dot - from));
    if (dot == std::string_view::npos) return made;
    from = dot + 1;
  }
}

inline bool has_empty(const words& all) {
  for (std::string_view each : all) {
    if (each.empty()) return true;
  }
  return false;
}

/// By a table, for recursion takes for ever with three `#`.
inline bool fits(const words& pattern, const words& key) {
  std::vector<std::vector<bool>> fit(pattern.size() + 1, std::vector<bool>(key.size() + 1, false));
  fit[pattern.size()][key.size()] = true;
  for (std::size_t i = pattern.size(); i-- != 0;) {
    for (std::size_t j = key.size() + 1; j-- != 0;) {
      if (pattern[i] == "#")
        fit[i][j] = fit[i + 1][j] || (j != key.size() && fit[i][j + 1]);
      else
        fit[i][j] = j != key.size() && (pattern[i] == "*" || pattern[i] == key[j]) && fit[i + 1][j + 1];
    }
  }
  return fit[0][0];
}

inline void require(bool holds, const char* what, std::string_view text) {
  if (holds) return;
  std::fprintf(stderr, "topic routing: %s: '%.*s'\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

/// Aborts the process where router and matcher differ.
inline void check_topic_input(std::string_view input) {
  const auto router = troupe::make_topic_router();
  std::map<std::string, std::unique_ptr<troupe::binding>, std::less<>> bound;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    const char what = line.empty() ? ' ' : line.front();
    const std::string_view text = what == '+' || what == '-' ? line.substr(1) : line;
    const words taken_apart = split(text);
    const auto known = bound.find(text);
    if (what == '+') {
      std::size_t gaps = 0;
      bool good = text.size() <= 255 && !has_empty(taken_apart) && !text.empty();
      for (std::string_view each : taken_apart) {
        gaps += each == "#";
        good = good && (each.size() == 1 || each.find_first_of("*#") == each.npos);
      }
      good = good && gaps <= 3;
      require(text.empty() || good == static_cast<bool>(router->check(text)), "a pattern is judged wrongly", text);
      if (!good || known != bound.end()) continue;
      auto fresh = std::make_unique<troupe::binding>(troupe::any_ref(), std::string(text));
      router->bind(*fresh);
      bound.emplace(text, std::move(fresh));
    } else if (what == '-') {
      if (known == bound.end()) continue;
      router->unbind(*known->second);
      bound.erase(known);
    } else {
      std::size_t expected = 0;
      const bool good = text.size() <= 255 && !has_empty(taken_apart);
      for (const auto& [pattern, each] : bound) {
        const bool fit = good && fits(split(pattern), taken_apart);
        require(fit == router->matches(pattern, text), "matches() is wrong", pattern);
        expected += fit;
      }
      const troupe::epoch_guard pinned;
      troupe::route found;
      router->find(text, found);
      std::size_t receivers = 0;
      found.each([&](troupe::binding& b) {
        require(good && fits(split(b.key), taken_apart), "found what does not fit", b.key);
        ++receivers;
      });
      require(receivers == expected, "not all that fit are found, or some twice", text);
    }
  }
  for (auto& [pattern, each] : bound) router->unbind(*each);
  troupe::epoch_drain();
}

}  // namespace fuzz
