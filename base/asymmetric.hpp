#pragma once

#include <troupe/base/atomic.hpp>

// Two threads that each write a variable and then read the other's, of which one must see the other (Dekker): both need
// a barrier between write and read, some 10 to 20 ns. Where one side does so a million times a second and the other
// almost never, the rare side can pay for both: it lets the kernel put a barrier into every thread of the process, and
// the frequent side is a plain store. After Dice, Huang and Yang, "Asymmetric Dekker Synchronization" (2001);
// membarrier(2) is the call; folly has it as asymmetric_thread_fence.
//
// AD1. A frequent side that stores with `light_store` and then loads with seq_cst, and a rare side that stores with
//     seq_cst, calls `heavy_barrier` and then loads with seq_cst: at least one of the two loads sees the other's store.

namespace troupe {

namespace detail {
/// Whether `heavy_barrier` reaches other threads. Until this is known, and where the kernel cannot, `light_store` is a
/// store with seq_cst, which pairs with the rare side's as always.
extern bool asymmetric_barriers;
}  // namespace detail

#if defined(TROUPE_MODEL) || defined(__SANITIZE_THREAD__)
#define TROUPE_DETAIL_SYMMETRIC 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TROUPE_DETAIL_SYMMETRIC 1
#endif
#endif

/// The store of the frequent side; also a release. ThreadSanitizer and the model checker know nothing of the kernel's
/// barriers: for them it is the seq_cst store that it stands for.
template <class T>
inline void light_store(atomic<T>& variable, T value) noexcept {
#ifdef TROUPE_DETAIL_SYMMETRIC
  variable.store(value, seq_cst);
#else
  if (!detail::asymmetric_barriers) [[unlikely]]
    return variable.store(value, seq_cst);
  variable.store(value, release);
  std::atomic_signal_fence(seq_cst);  // for the compiler; the processor's is the rare side's
#endif
}

/// Between the store and the load of the rare side: 0.4 to 2 us, and a short interruption of each running thread of the
/// process. Any thread.
void heavy_barrier() noexcept;

}  // namespace troupe
