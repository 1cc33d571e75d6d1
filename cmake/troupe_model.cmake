# The model tests: code that relies on atomics, compiled again with the atomics of tests/model/, and once more with the
# mutants of tests/model/mutants.txt in it. See tests/model/README.md.

# The parts of Troupe that the programs of the tests need beside headers.
set(TROUPE_MODEL_SOURCES
    base/asymmetric.cpp
    base/epoch.cpp
    base/error.cpp
    base/log.cpp
    scheduler/detail/cancel_region.cpp
    scheduler/detail/chooser.cpp
    scheduler/detail/coroutine_strand.cpp
    scheduler/detail/fork_deque.cpp
    scheduler/detail/fork_record.cpp
    scheduler/detail/future_state.cpp
    scheduler/detail/thread_roster.cpp
    scheduler/green_thread.cpp
    scheduler/live_tasks.cpp
    scheduler/lock_order.cpp
    scheduler/parker.cpp
    scheduler/run_loop.cpp
    scheduler/schedule_strategy.cpp
    scheduler/scheduler.cpp
    scheduler/strand.cpp
    scheduler/strand_extras.cpp
    scheduler/task_local.cpp
    scheduler/timer_wheel.cpp
    scheduler/timers.cpp
    scheduler/wait.cpp
    scheduler/wait_graph.cpp
    scheduler/work_stealing_pool.cpp
    scheduler/housekeeper.cpp
    scheduler/detail/watchdog.cpp
    scheduler/detail/stack_trace.cpp)

# troupe_model_program(<target> <source>...)
function(troupe_model_program target)
  add_executable(${target} ${ARGN})
  troupe_own(${target})
  target_compile_definitions(${target} PRIVATE "TROUPE_MODEL=<model/atomic.hpp>")
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${TROUPE_INCLUDE_DIR})
  target_link_libraries(${target} PRIVATE GTest::gtest_main fmt::fmt moodycamel::concurrentqueue Threads::Threads)
endfunction()

function(troupe_model_tests path)
  if(TROUPE_SANITIZE)
    return()  # the explorer changes stacks, which they do not follow
  endif()
  file(GLOB own CONFIGURE_DEPENDS ${path}/*.cpp)
  list(TRANSFORM TROUPE_MODEL_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
  troupe_model_program(troupe_model_tests ${own} ${sources})
  gtest_discover_tests(troupe_model_tests DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 300 LABELS model)

  set(mutated ${PROJECT_BINARY_DIR}/mutants)
  set(list ${path}/mutants.txt)
  set(mutate ${path}/mutate)
  execute_process(COMMAND ${mutate} --files ${list} OUTPUT_VARIABLE files OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
  list(TRANSFORM files PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE originals)
  list(TRANSFORM files PREPEND ${mutated}/troupe/ OUTPUT_VARIABLE copies)
  add_custom_command(OUTPUT ${copies} COMMAND ${mutate} ${list} ${PROJECT_SOURCE_DIR} ${mutated}/troupe
                     DEPENDS ${mutate} ${list} ${originals} VERBATIM)
  foreach(file IN LISTS files)
    if(file MATCHES "\\.cpp$")
      list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/${file})
    endif()
  endforeach()
  troupe_model_program(troupe_model_mutants ${own} ${sources} ${copies})
  target_include_directories(troupe_model_mutants BEFORE PRIVATE ${mutated})
  add_test(NAME model.mutants COMMAND ${path}/check_mutants ${list} $<TARGET_FILE:troupe_model_mutants>)
  set_tests_properties(model.mutants PROPERTIES TIMEOUT 300 LABELS model)
endfunction()
