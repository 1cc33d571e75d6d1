#pragma once

#include <bit>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include <troupe/base/atomic.hpp>
#include <troupe/base/epoch.hpp>

namespace troupe::detail {

/// A hash map from a word to an object of type T that carries it (`std::string_view word() const`). One writer at a
/// time, under the exchange's mutex; any number of readers inside an epoch.
///
/// H1. A reader sees each bucket as a list that ends; a node that is unlinked or left behind by growth still leads on
///     to the nodes behind it, until nobody can be at it.
template <class T>
class word_map {
public:
  word_map() = default;
  word_map(const word_map&) = delete;
  word_map& operator=(const word_map&) = delete;
  ~word_map() {
    table* t = table_.load(relaxed);
    if (!t) return;
    for (std::size_t i = 0; i <= t->mask; ++i) {
      for (node* n = t->buckets[i].load(relaxed); n;) {
        node* next = n->next.load(relaxed);
        delete n->value;
        delete n;
        n = next;
      }
    }
    delete t;
  }

  /// Readers and the writer. Null if there is none.
  T* find(std::string_view word) const noexcept {
    const table* t = table_.load(acquire);
    if (!t) return nullptr;
    const std::size_t hash = std::hash<std::string_view>()(word);
    for (node* n = t->buckets[hash & t->mask].load(acquire); n; n = n->next.load(acquire)) {
      if (n->hash == hash && n->value->word() == word) return n->value;
    }
    return nullptr;
  }

  /// The writer. `value->word()` is not in the map; takes ownership.
  void insert(std::unique_ptr<T> value) {
    grow_if_full();
    const std::size_t hash = std::hash<std::string_view>()(value->word());
    link(*table_.load(relaxed), new node{hash, value.release(), {nullptr}});
    ++size_;
  }

  /// The writer. Unlinks the object and destroys it once nobody can see it.
  void erase(T& value) {
    table& t = *table_.load(relaxed);
    const std::size_t hash = std::hash<std::string_view>()(value.word());
    atomic<node*>* from = &t.buckets[hash & t.mask];
    for (node* n = from->load(relaxed); n; from = &n->next, n = from->load(relaxed)) {
      if (n->value != &value) continue;
      from->store(n->next.load(relaxed), release);
      epoch_retire(n);
      epoch_retire(&value);
      --size_;
      return;
    }
  }

  bool empty() const noexcept { return size_ == 0; }  // the writer

private:
  struct node {
    std::size_t hash;
    T* value;
    atomic<node*> next;  // release by the writer pairs with acquire by readers, as for buckets and table
  };
  struct table {
    explicit table(std::size_t n) : mask(n - 1), buckets(std::make_unique<atomic<node*>[]>(n)) {}
    std::size_t mask;
    std::unique_ptr<atomic<node*>[]> buckets;
  };

  static void link(table& t, node* n) noexcept {
    atomic<node*>& bucket = t.buckets[n->hash & t.mask];
    n->next.store(bucket.load(relaxed), relaxed);
    bucket.store(n, release);
  }

  void grow_if_full() {
    table* old = table_.load(relaxed);
    if (!old) return table_.store(new table(4), release);
    if (size_ <= old->mask) return;
    auto bigger = std::make_unique<table>(2 * (old->mask + 1));
    for (std::size_t i = 0; i <= old->mask; ++i) {
      for (node* n = old->buckets[i].load(relaxed); n; n = n->next.load(relaxed)) {
        link(*bigger, new node{n->hash, n->value, {nullptr}});  // H1: the old node stays as it is
      }
    }
    table_.store(bigger.release(), release);
    // Not before nobody finds them any more: retiring may collect at once.
    for (std::size_t i = 0; i <= old->mask; ++i) {
      for (node* n = old->buckets[i].load(relaxed); n;) {
        node* next = n->next.load(relaxed);
        epoch_retire(n);
        n = next;
      }
    }
    epoch_retire(old);
  }

  atomic<table*> table_{nullptr};
  std::size_t size_ = 0;  // the writer's
};

}  // namespace troupe::detail
