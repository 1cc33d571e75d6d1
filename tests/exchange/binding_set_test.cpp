#include <troupe/base/epoch.hpp>
#include <troupe/exchange/detail/key_table.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using troupe::binding;
using troupe::binding_set;

std::vector<std::unique_ptr<binding>> some_bindings(std::size_t n) {
  std::vector<std::unique_ptr<binding>> made;
  for (std::size_t i = 0; i != n; ++i) made.push_back(std::make_unique<binding>(troupe::any_ref(), std::to_string(i)));
  return made;
}

TEST(BindingSet, holds_what_was_added_and_not_removed) {
  auto bindings = some_bindings(300);
  std::mt19937 random(1);
  binding_set set;
  std::vector<binding*> expected;
  for (int step = 0; step != 20'000; ++step) {
    const std::size_t target = step / 1000 % 3 * 140;  // grows and shrinks over the borders of chunks
    binding* b = bindings[random() % bindings.size()].get();
    const auto at = std::find(expected.begin(), expected.end(), b);
    if (at == expected.end() && expected.size() <= target) {
      set.add(*b);
      expected.push_back(b);
    } else if (at != expected.end() && expected.size() >= target) {
      set.remove(*b);
      expected.erase(at);
    }
    std::vector<binding*> seen;
    set.read().for_each([&](binding& each) { seen.push_back(&each); });
    ASSERT_EQ(seen.size(), set.read().size());
    ASSERT_EQ(set.empty(), expected.empty());
    ASSERT_TRUE(std::is_permutation(seen.begin(), seen.end(), expected.begin(), expected.end()));
  }
  troupe::epoch_drain();
}

TEST(BindingSet, a_version_stays_as_it_was_read) {
  auto bindings = some_bindings(70);
  binding_set set;
  for (auto& each : bindings) set.add(*each);
  {
    const troupe::epoch_guard pinned;
    const auto old = set.read();
    for (auto& each : bindings) set.remove(*each);
    ASSERT_EQ(old.size(), bindings.size());
    for (std::size_t i = 0; i != old.size(); ++i) EXPECT_EQ(&old[i], bindings[i].get());
    EXPECT_TRUE(set.empty());
  }
  troupe::epoch_drain();
}

TEST(KeyTable, keys_with_one_hash_stay_apart) {
  // The same hash on purpose, and hashes that share their table and their place in it.
  auto bindings = some_bindings(40);
  const auto hash_for = [](std::size_t i) { return std::uint64_t{i % 3} << 32; };
  troupe::detail::key_table table;
  for (std::size_t i = 0; i != bindings.size(); ++i) EXPECT_TRUE(table.add(hash_for(i), *bindings[i]));
  EXPECT_EQ(table.size(), bindings.size());
  const auto found = [&](std::size_t i) {
    std::size_t n = 0;
    table.find(hash_for(i), [&](const troupe::detail::key_entry& e) {
      n += &e.bound.read()[0] == bindings[i].get();
      return false;
    });
    return n;
  };
  for (std::size_t i = 0; i != bindings.size(); ++i) EXPECT_EQ(found(i), 1u);
  for (std::size_t i = 0; i != bindings.size(); i += 2) EXPECT_TRUE(table.remove(hash_for(i), *bindings[i]));
  for (std::size_t i = 0; i != bindings.size(); ++i) EXPECT_EQ(found(i), i % 2);
  for (std::size_t i = 1; i < bindings.size(); i += 2) EXPECT_TRUE(table.remove(hash_for(i), *bindings[i]));
  EXPECT_EQ(table.size(), 0u);
  troupe::epoch_drain();
}

}  // namespace
