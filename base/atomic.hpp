#pragma once

#include <sched.h>

#include <atomic>
#include <cstddef>

#ifdef TROUPE_MODEL
#include TROUPE_MODEL
#endif

/// The seam for model checking: the lock-free parts of Troupe name their atomics through these aliases, so
/// that a test build can put a controlled implementation in their place.
///
/// House rules: every atomic has its states listed beside it; every ordering names its partner; orderings stand on
/// the operations themselves, never on fences (ThreadSanitizer does not see fences).
namespace troupe {

/// An atomic variable and the orderings of operations on it.
#ifdef TROUPE_MODEL
template <class T>
using atomic = model::atomic<T>;
#else
template <class T>
using atomic = std::atomic<T>;
#endif

inline constexpr auto relaxed = std::memory_order_relaxed;
inline constexpr auto acquire = std::memory_order_acquire;
inline constexpr auto release = std::memory_order_release;
inline constexpr auto acq_rel = std::memory_order_acq_rel;
inline constexpr auto seq_cst = std::memory_order_seq_cst;

/// Size that keeps two variables from sharing a cache line on the machines that Troupe runs on.
inline constexpr std::size_t cache_line = 64;

/// Adds to a counter that only the calling thread writes; others may read it at any time.
template <class T>
inline void bump(atomic<T>& counter, T by = 1) noexcept {
  counter.store(counter.load(relaxed) + by, relaxed);
}

/// Tells the processor that the caller spins.
inline void cpu_relax() noexcept {
#if defined(TROUPE_MODEL)
  model::relax();
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Asks for the cache line of `p` to be here, and this core's alone, by the time that it is written to; costs no wait.
inline void prefetch_for_write([[maybe_unused]] const void* p) noexcept {
#if defined(__x86_64__)
  // g++ makes it the prefetch for reading unless told of a newer processor; older ones take it for no operation.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(p)));
#else
  __builtin_prefetch(p, 1);
#endif
}

/// Gives up the processor: for a thread that spins although another one may have been preempted just there.
inline void yield_thread() noexcept {
#if defined(TROUPE_MODEL)
  model::relax();
#else
  ::sched_yield();
#endif
}

}  // namespace troupe
