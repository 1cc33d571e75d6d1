#pragma once

/// Defined where the compiler destroys an aggregate temporary inside a co_await expression twice (GCC PR 99576): what
/// is awaited then refuses to be made there. Configuring tries it; whoever compiles without CMake has it by the
/// compiler's version.
#if !defined(TROUPE_AWAIT_TEMPORARY_BUG) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#define TROUPE_AWAIT_TEMPORARY_BUG 1
#endif
