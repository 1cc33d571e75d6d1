#pragma once

#include <new>
#include <utility>

#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/local_binding.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

/// A variable with a value of its own in each green thread, as Python's `contextvars.ContextVar`: set for as long as a
/// scope lasts, and seen by all green threads that are spawned meanwhile, and by theirs.
///
///     inline troupe::task_local<std::string> request_id;
///     auto bound = request_id.set("r-17");   // until the end of the block
///     log(request_id.get());                 // here, and in what is spawned here
///
/// What `call_soon`, `call_later`, `call_at`, `call_every` and `blocking` are given sees the values of whoever called
/// them; jobs of an executor and threads begin without, as in Python.
///
/// Usually a global. On an OS thread, or in a handler that is no coroutine, the value belongs to the thread; what is
/// spawned there sees it too. Actors begin without values: theirs are set in their handlers; each handler of a
/// reentrant actor has its own. `get` costs a walk along the bindings that are in force, a few nanoseconds. May be used
/// in any thread; the value itself is shared, so it is immutable.
template <class T>
class task_local {
  struct node final : detail::local_binding {
    node(const void* variable, T v) : local_binding(variable, &node::free), value(std::move(v)) {}
    static void free(local_binding* b) noexcept {
      auto* self = static_cast<node*>(b);
      self->~node();
      pool_free(self, sizeof(node), alignof(node));
    }
    T value;
  };

public:
  /// A variable that is `T()` where nobody has set it.
  task_local() = default;
  /// The same with another value.
  explicit task_local(T otherwise) : otherwise_(std::move(otherwise)) {}
  task_local(const task_local&) = delete;
  task_local& operator=(const task_local&) = delete;

  /// Takes the value away when it goes. Stays where it was made: in a block of one coroutine or function.
  class [[nodiscard]] binding {
  public:
    binding(const binding&) = delete;
    binding& operator=(const binding&) = delete;
    ~binding() {
      if (party_ == detail::current_party())  // TL2
        detail::current_locals().go_back_before(*node_);
      detail::local_binding::release(node_);
    }

  private:
    friend class task_local;
    explicit binding(node* n) : node_(n), party_(detail::current_party()) {
      detail::local_chain& chain = detail::current_locals();
      n->retain();
      chain.push(*n);
    }

    node* node_;
    const void* party_;
  };

  /// Sets the value until the end of the block. Throws `std::bad_alloc`.
  binding set(T value) { return binding(make(std::move(value))); }

  /// The value; valid for as long as it is set.
  const T& get() const noexcept {
    for (detail::local_binding* b = detail::newest_local(); b; b = b->outer)
      if (b->key == this) return static_cast<node*>(b)->value;
    return otherwise_;
  }
  const T& operator*() const noexcept { return get(); }
  const T* operator->() const noexcept { return &get(); }

private:
  node* make(T value) {
    void* memory = pool_allocate(sizeof(node), alignof(node));
    try {
      return new (memory) node(this, std::move(value));
    } catch (...) {
      pool_free(memory, sizeof(node), alignof(node));
      throw;
    }
  }

  T otherwise_{};
};

}  // namespace troupe
