#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <troupe/base/intrusive_list.hpp>
#include <vector>

namespace {

struct by_age {};

struct item : troupe::list_hook<>, troupe::list_hook<by_age> {
  explicit item(int k = 0, int n = 0) : key(k), order(n) {}
  int key;
  int order;
};

using list = troupe::intrusive_list<item>;

std::vector<int> keys(list& l) {
  std::vector<int> out;
  for (auto& x : l) out.push_back(x.key);
  return out;
}

TEST(IntrusiveList, keeps_the_order_of_pushing) {
  item a(1), b(2), c(3);
  list l;
  l.push_back(b);
  l.push_back(c);
  l.push_front(a);
  EXPECT_EQ(keys(l), (std::vector{1, 2, 3}));
  EXPECT_EQ(&l.front(), &a);
  EXPECT_EQ(&l.back(), &c);
}

TEST(IntrusiveList, an_object_leaves_by_its_hook_alone) {
  item a(1), b(2), c(3);
  list l;
  for (auto* x : {&a, &b, &c}) l.push_back(*x);
  static_cast<troupe::list_hook<>&>(b).unlink();
  EXPECT_FALSE(static_cast<troupe::list_hook<>&>(b).linked());
  EXPECT_EQ(keys(l), (std::vector{1, 3}));
  EXPECT_EQ(l.pop_front(), &a);
  EXPECT_EQ(l.pop_front(), &c);
  EXPECT_EQ(l.pop_front(), nullptr);
  EXPECT_TRUE(l.empty());
}

TEST(IntrusiveList, an_object_is_in_one_list_for_each_tag) {
  item a(1);
  list l;
  troupe::intrusive_list<item, by_age> other;
  l.push_back(a);
  other.push_back(a);
  EXPECT_EQ(l.pop_front(), &a);
  EXPECT_EQ(&other.front(), &a);
}

TEST(IntrusiveList, splicing_moves_everything_to_the_end) {
  item a(1), b(2), c(3);
  list l, m, none;
  l.push_back(a);
  m.push_back(b);
  m.push_back(c);
  l.splice_back(m);
  l.splice_back(none);
  EXPECT_TRUE(m.empty());
  EXPECT_EQ(keys(l), (std::vector{1, 2, 3}));
}

TEST(IntrusiveList, sorting_is_stable_and_agrees_with_the_standard_library) {
  std::mt19937 random(7);
  for (int n : {0, 1, 2, 3, 17, 64, 1000}) {
    std::vector<item> items(static_cast<std::size_t>(n));
    list l;
    for (int i = 0; i < n; ++i) {
      auto& x = items[static_cast<std::size_t>(i)];
      x.key = static_cast<int>(random() % 50);
      x.order = i;
      l.push_back(x);
    }
    std::vector<std::pair<int, int>> expected, got;
    for (auto& x : items) expected.emplace_back(x.key, x.order);
    std::sort(expected.begin(), expected.end());
    l.sort([](const item& a, const item& b) { return a.key < b.key; });
    for (auto& x : l) got.emplace_back(x.key, x.order);
    EXPECT_EQ(got, expected);
    std::vector<std::pair<int, int>> backwards;
    for (auto at = l.end(); at != l.begin();) {
      --at;
      backwards.emplace_back(at->key, at->order);
    }
    std::reverse(backwards.begin(), backwards.end());
    EXPECT_EQ(backwards, expected);
  }
}

}  // namespace
