# Sets TROUPE_AWAIT_TEMPORARY_BUG if the compiler destroys twice an aggregate temporary inside a co_await expression,
# as g++ 12 does (GCC PR 99576). Where it does, awaitables that take a message refuse to be awaited as temporaries.

if(NOT DEFINED TROUPE_AWAIT_TEMPORARY_BUG)
  message(CHECK_START "Checking for the double destruction of temporaries in co_await")
  # With its own sanitizer, if any, left out: the program itself counts.
  try_run(troupe_bug_exit troupe_bug_compiled
          SOURCES ${CMAKE_CURRENT_LIST_DIR}/await_temporary_bug.cpp
          CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  if(troupe_bug_compiled AND troupe_bug_exit EQUAL 0)
    set(troupe_bug OFF)
    message(CHECK_PASS "no")
  else()
    set(troupe_bug ON)
    message(CHECK_PASS "yes")
  endif()
  set(TROUPE_AWAIT_TEMPORARY_BUG ${troupe_bug} CACHE BOOL
      "The compiler destroys an aggregate temporary in a co_await expression twice")
  mark_as_advanced(TROUPE_AWAIT_TEMPORARY_BUG)
endif()
