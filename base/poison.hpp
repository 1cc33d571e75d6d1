#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define TROUPE_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TROUPE_ADDRESS_SANITIZER
#endif
#endif
#ifdef TROUPE_ADDRESS_SANITIZER
extern "C" void __asan_poison_memory_region(const volatile void* at, std::size_t bytes);  // of the sanitizer's run time
#endif

namespace troupe {

/// Memory that holds nothing any more, but stays allocated: AddressSanitizer reports whoever touches it. Without that
/// this does nothing.
inline void poison([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef TROUPE_ADDRESS_SANITIZER
  __asan_poison_memory_region(at, bytes);
#endif
}

}  // namespace troupe
