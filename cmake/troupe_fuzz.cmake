# Fuzzing by libFuzzer, where clang is there: what is fuzzed is compiled by it, the rest is linked as it was built.

# troupe_fuzz(<name> <source>...): tests/fuzz/<name>_fuzz.cpp with the sources that it looks into. The program is built by
# the target troupe_fuzz_<name>; the test fuzz.<name> runs it for 20 s on the inputs of tests/fuzz/<name>.
function(troupe_fuzz name)
  find_program(TROUPE_FUZZ_CLANG clang++-19)
  mark_as_advanced(TROUPE_FUZZ_CLANG)
  if(NOT TROUPE_FUZZ_CLANG OR TROUPE_SANITIZE)
    return()
  endif()
  # libFuzzer itself is a package of its own, libclang-rt-19-dev.
  if(NOT DEFINED CACHE{TROUPE_FUZZ_WORKS})
    set(probe ${CMAKE_CURRENT_BINARY_DIR}/fuzz_probe)
    file(WRITE ${probe}.cpp "extern \"C\" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }\n")
    execute_process(COMMAND ${TROUPE_FUZZ_CLANG} -fsanitize=fuzzer,address,undefined ${probe}.cpp -o ${probe}
                    RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(failed)
      message(STATUS "libFuzzer not found: fuzzing is left out")
      return()
    endif()
    set(TROUPE_FUZZ_WORKS ON CACHE INTERNAL "clang++-19 finds libFuzzer")
  endif()
  set(program ${CMAKE_CURRENT_BINARY_DIR}/fuzzer_${name})
  set(main ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}_fuzz.cpp)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
  file(GLOB parts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/*.hpp)
  set(libraries)
  foreach(module exchange actors scheduler base)
    list(APPEND libraries $<TARGET_FILE:troupe_${module}>)
  endforeach()
  add_custom_command(
    OUTPUT ${program}
    COMMAND ${TROUPE_FUZZ_CLANG} -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -DFMT_SHARED
            -I${PROJECT_BINARY_DIR}/include ${main} ${sources} ${libraries} -lfmt -lpthread -ldl -o ${program}
    DEPENDS ${main} ${parts} ${sources} ${libraries}
    COMMENT "Building troupe_fuzz_${name}"
    VERBATIM)
  add_custom_target(troupe_fuzz_${name} ALL DEPENDS ${program})
  # New inputs go into a folder of the build; those worth keeping are copied into the tree by hand.
  set(found ${CMAKE_CURRENT_BINARY_DIR}/fuzz_${name}_found)
  file(MAKE_DIRECTORY ${found})
  add_test(NAME fuzz.${name} COMMAND ${program} -dict=${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name}.dict -max_total_time=20 -max_len=2048 -timeout=10 -verbosity=0
                                     -artifact_prefix=${found}/ ${found} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${name})
  troupe_test_properties(fuzz.${name})
endfunction()
