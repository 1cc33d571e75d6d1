// Topic routing against a reference that is too simple to be wrong.

#include <troupe/troupe.hpp>

#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/topic_key.hpp>
#include <troupe/exchange/router.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using troupe::detail::most_topic_gaps;
using words = std::vector<std::string>;

bool fits(const words& pattern, std::size_t i, const words& key, std::size_t j) {
  if (i == pattern.size()) return j == key.size();
  if (pattern[i] == "#") return fits(pattern, i + 1, key, j) || (j != key.size() && fits(pattern, i, key, j + 1));
  if (j == key.size()) return false;
  return (pattern[i] == "*" || pattern[i] == key[j]) && fits(pattern, i + 1, key, j + 1);
}

std::string joined(const words& all) {
  std::string text;
  for (const auto& each : all) text += (text.empty() ? "" : ".") + each;
  return text;
}

class random_words {
public:
  explicit random_words(unsigned seed) : random_(seed) {}

  words key() {
    words made(up_to(7));
    for (auto& each : made) each = word();
    return made;
  }
  words pattern() {
    words made(1 + up_to(6));
    std::size_t gaps = 0;
    for (auto& each : made) {
      const auto kind = up_to(8);
      if (kind == 0 && gaps != most_topic_gaps) {
        each = "#";
        ++gaps;
      } else {
        each = kind < 3 ? "*" : word();
      }
    }
    return made;
  }
  std::size_t up_to(std::size_t n) { return random_() % n; }

private:
  std::string word() {
    static const words all{"a", "b", "ab"};
    return all[up_to(3)];
  }
  std::mt19937 random_;
};

TEST(TopicMatch, a_million_random_pairs_fit_as_the_reference_says) {
  random_words random(1);
  std::size_t fitting = 0;
  for (int i = 0; i != 1'000'000; ++i) {
    const words pattern = random.pattern();
    const words key = random.key();
    const std::string pattern_text = joined(pattern);
    const std::string key_text = joined(key);
    ASSERT_TRUE(troupe::detail::check_topic_pattern(pattern_text)) << pattern_text;
    troupe::detail::topic_words split;
    ASSERT_TRUE(split.split(key_text)) << key_text;
    const bool expected = fits(pattern, 0, key, 0);
    fitting += expected;
    ASSERT_EQ(troupe::detail::topic_fits(pattern_text, split), expected) << pattern_text << " and " << key_text;
  }
  EXPECT_GT(fitting, 50'000u);
}

class nobody : public troupe::actor {
public:
  void on(int) {}
};

TEST(TopicMatch, the_router_finds_what_the_reference_finds_while_bindings_come_and_go) {
  troupe::runtime rt;
  random_words random(2);
  std::vector<troupe::ref<nobody>> actors;
  for (int i = 0; i != 64; ++i) actors.push_back(rt.spawn<nobody>());
  struct bound {
    words pattern;
    std::unique_ptr<troupe::binding> binding;
  };
  std::vector<bound> all(64);
  const auto router = troupe::make_topic_router();
  troupe::route found;
  std::size_t pairs = 0;
  while (pairs < 1'000'000) {
    for (int i = 0; i != 16; ++i) {
      const std::size_t who = random.up_to(all.size());
      if (all[who].binding) {
        router->unbind(*all[who].binding);
        all[who].binding = nullptr;
        if (random.up_to(3) == 0) continue;
      }
      all[who].pattern = random.pattern();
      all[who].binding = std::make_unique<troupe::binding>(actors[who], joined(all[who].pattern));
      router->bind(*all[who].binding);
    }
    for (int i = 0; i != 32; ++i) {
      const words key = random.key();
      std::set<const troupe::binding*> expected;
      for (const auto& each : all) {
        if (!each.binding) continue;
        ++pairs;
        if (fits(each.pattern, 0, key, 0)) expected.insert(each.binding.get());
      }
      std::set<const troupe::binding*> receivers;
      std::size_t count = 0;
      const std::string text = joined(key);
      {
        const troupe::epoch_guard pinned;
        router->find(text, found);
        found.finish([&](std::size_t n) { count = n; }, [&](troupe::binding& b) { receivers.insert(&b); });
        found.clear();
      }
      ASSERT_EQ(receivers, expected) << text;
      ASSERT_EQ(count, expected.size()) << text;
      for (const auto& each : all) {
        if (!each.binding) continue;
        ASSERT_EQ(router->matches(each.binding->key, text), expected.contains(each.binding.get()));
      }
    }
  }
  for (auto& each : all) {
    if (each.binding) router->unbind(*each.binding);
  }
  troupe::epoch_drain();
}

TEST(TopicMatch, the_longest_keys_and_the_costliest_patterns_are_found_too) {
  troupe::runtime rt;
  auto who = rt.spawn<nobody>();
  const auto router = troupe::make_topic_router();
  std::string key = "a";
  while (key.size() + 2 <= troupe::detail::longest_topic_key) key += ".a";
  troupe::binding all_words(who, key);
  troupe::binding middle(who, "#.a.a.a.#.a.*.a.#");
  troupe::binding not_there(who, "#.a.b.#.a.#");
  troupe::route found;
  for (auto* each : {&all_words, &middle, &not_there}) router->bind(*each);
  std::size_t count = 0;
  const auto receivers = [&](std::string_view text) {
    const troupe::epoch_guard pinned;
    router->find(text, found);
    found.finish([&](std::size_t n) { count = n; }, [](troupe::binding&) {});
    found.clear();
    return count;
  };
  EXPECT_EQ(receivers(key), 1u);  // one subscriber
  EXPECT_EQ(receivers("a.a.a.a.x.a"), 1u);
  EXPECT_EQ(receivers("a.a.a.a.x.b"), 0u);
  EXPECT_EQ(receivers(key + ".a"), 0u);
  for (auto* each : {&all_words, &middle, &not_there}) router->unbind(*each);
  EXPECT_EQ(receivers(key), 0u);
  troupe::epoch_drain();
}

struct text {};

class counter : public troupe::actor {
public:
  void on(const text&) { ++n_; }
  int on(int) { return n_; }

private:
  int n_ = 0;
};

void expect_refused(troupe::exchange<text>& x, const troupe::ref<counter>& who, const std::string& pattern,
                    std::string_view why) {
  try {
    (void)x.attach(who, pattern);
    ADD_FAILURE() << pattern;
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::invalid_argument);
    EXPECT_NE(std::string_view(e.what()).find(why), std::string_view::npos) << e.what();
    EXPECT_LT(std::string_view(e.what()).size(), 500u);
  }
}

TEST(TopicMatch, bad_patterns_are_refused_with_what_is_wrong) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x", troupe::topic{});
  auto who = rt.spawn<counter>();
  expect_refused(x, who, "a..b", "has an empty word");
  expect_refused(x, who, ".a", "has an empty word");
  expect_refused(x, who, "a.", "has an empty word");
  expect_refused(x, who, ".", "has an empty word");
  expect_refused(x, who, "#.a.#.b.#.c.#", "has 4 times '#': at most 3");
  expect_refused(x, who, "a.b*", "'*' and '#' stand for whole words");
  expect_refused(x, who, std::string(4 << 20, 'a'), "a pattern of 4194304 bytes: at most 255");
  EXPECT_EQ(x.subscribers(), 0u);
}

TEST(TopicMatch, a_bad_key_reaches_nobody_and_is_counted) {
  troupe::runtime rt;
  troupe::exchange<text> x(rt, "x", troupe::topic{});
  auto who = rt.spawn<counter>();
  auto all = x.attach(who, "#");
  EXPECT_EQ(x.publish("a..b", {}), 0u);
  EXPECT_EQ(x.publish(".", {}), 0u);
  EXPECT_EQ(x.publish(std::string(4 << 20, 'a'), {}), 0u);
  EXPECT_EQ(x.unroutable(), 3u);
  EXPECT_EQ(x.publish({}), 1u);  // no words: `#` stands for none, too
  EXPECT_EQ(x.publish("#.*", {}), 1u);
  EXPECT_EQ(*who.ask(1).get(), 2);
}

}  // namespace
