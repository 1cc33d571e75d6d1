#pragma once

#include <cstddef>
#include <cstdint>

#include <troupe/base/atomic.hpp>

/// Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004, chapter 5): readers pin an epoch and follow shared
/// pointers without counting references; writers unlink an object and retire it, and it is destroyed once nobody who
/// could have seen it is still pinned. One domain for the process. No thread of its own: retiring and collecting do the
/// work.
namespace troupe {

namespace detail {

/// One thread's place in the domain. Never freed; a thread that ends leaves its record to the next.
struct alignas(cache_line) epoch_record {
  // 0: not pinned. Else: 2 * epoch + 1, the epoch that was current when the thread pinned. Written by its thread alone,
  // except that the collector reads it with a read-modify-write that changes nothing (see E3).
  atomic<std::uint64_t> state{0};
  std::uint32_t depth = 0;  // of nested guards; its thread's alone
  bool borrowed = false;    // taken by a thread that has ended its thread-locals, for the time of one guard
  bool taken = true;        // under the domain's mutex
  epoch_record* next = nullptr;
};

// Ends of epochs release what was retired in them to the pins that acquire the later one.
extern atomic<std::uint64_t> epoch_now;

extern constinit thread_local epoch_record* epoch_self __attribute__((tls_model("initial-exec")));

epoch_record* epoch_enter_slow();
void epoch_leave_slow(epoch_record* record) noexcept;

}  // namespace detail

/// While it lives, nothing is destroyed that was reachable when it was made. May be nested. Costs one atomic exchange
/// on a line of the thread's own. Belongs to its thread: it must not live across a `co_await`, and should live briefly,
/// for it holds up all reclamation. The first guard of a thread allocates and may throw `std::bad_alloc`.
class epoch_guard {
public:
  epoch_guard() : record_(detail::epoch_self) {
    if (!record_) [[unlikely]]
      record_ = detail::epoch_enter_slow();
    if (record_->depth++ == 0) {
      // acquire: pairs with the release that ended the epoch before; what was unlinked then is not found again (E2).
      const std::uint64_t epoch = detail::epoch_now.load(acquire);
      // acq_rel: pairs with the collector's read-modify-write on the same word, see E3.
      record_->state.exchange(2 * epoch + 1, acq_rel);
    }
  }

  ~epoch_guard() {
    if (--record_->depth != 0) return;
    // release: pairs with the acquire of the collector's read-modify-write; all reads come before the destruction.
    record_->state.store(0, release);
    if (record_->borrowed) [[unlikely]]
      detail::epoch_leave_slow(record_);
  }

  epoch_guard(const epoch_guard&) = delete;
  epoch_guard& operator=(const epoch_guard&) = delete;

private:
  detail::epoch_record* record_;
};

/// Makes what the first guard of the calling thread would: no later one of it fails. Throws `std::bad_alloc`.
inline void epoch_prepare() {
  if (!detail::epoch_self) (void)epoch_guard();
}

/// Has `destroy(object)` called once no guard that lives now is left, on whichever thread collects then. The caller
/// has made `object` unreachable for guards to come. `destroy` must not throw; it may retire further objects. Any
/// thread may call it, pinned or not; now and then it collects. Throws `std::bad_alloc`, and has not taken `object`
/// then.
void epoch_retire(void* object, void (*destroy)(void*));

/// Retires an object to be deleted.
template <class T>
void epoch_retire(T* object) {
  epoch_retire(const_cast<void*>(static_cast<const volatile void*>(object)),
               [](void* p) { delete static_cast<T*>(p); });
}

/// Destroys what can be destroyed now: if nobody is pinned, all that was retired before. Returns how many. Does nothing
/// while another thread collects, and inside a destroyer.
std::size_t epoch_collect() noexcept;

/// Waits until all that was retired before is destroyed. For tests and shutdown: the caller must not be pinned nor
/// inside a destroyer, and those who are pinned must come to an end.
void epoch_drain() noexcept;

/// How many objects are retired and not yet destroyed.
std::size_t epoch_pending() noexcept;

}  // namespace troupe
