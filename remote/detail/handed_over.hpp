#pragma once

#ifdef __SANITIZE_THREAD__
extern "C" void __tsan_acquire(void* at);
extern "C" void __tsan_release(void* at);
#endif

/// ThreadSanitizer does not see what CAF's library, which is not built for it, does to hand things to other threads:
/// what is ours says that it has happened. Elsewhere these are nothing.
namespace troupe::detail {

inline void handed_over([[maybe_unused]] const void* at) noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_release(const_cast<void*>(at));
#endif
}

inline void taken_over([[maybe_unused]] const void* at) noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(const_cast<void*>(at));
#endif
}

}  // namespace troupe::detail
