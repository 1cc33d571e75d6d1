# The tests: one program a folder of tests/, one ctest test a TEST().

set(TROUPE_TEST_ENVIRONMENT
    TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tools/tsan.supp:halt_on_error=1:second_deadlock_stack=1
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    UBSAN_OPTIONS=print_stacktrace=1)
if(TARGET troupe_command)
  list(APPEND TROUPE_TEST_ENVIRONMENT TROUPE_COMMAND=$<TARGET_FILE:troupe_command>)
endif()
if(TARGET bench_troupe)
  list(APPEND TROUPE_TEST_ENVIRONMENT TROUPE_BENCHES=$<TARGET_FILE_DIR:bench_troupe>)
endif()

# Gives a test the environment and the time limit of all.
function(troupe_test_properties)
  set_tests_properties(${ARGN} PROPERTIES TIMEOUT 120 ENVIRONMENT "${TROUPE_TEST_ENVIRONMENT}")
endfunction()

# troupe_test_program(<target> <folder> <source>... ): the program may use whatever its folder's module may use.
function(troupe_test_program target folder)
  add_executable(${target} ${ARGN})
  troupe_own(${target})
  set_target_properties(${target} PROPERTIES ENABLE_EXPORTS ON)  # the watchdog names functions
  target_link_libraries(${target} PRIVATE GTest::gmock GTest::gtest_main)
  if(TARGET troupe_${folder})
    target_link_libraries(${target} PRIVATE troupe_${folder})
  else()
    target_link_libraries(${target} PRIVATE troupe::troupe)
  endif()
  if(folder MATCHES "^(actors|remote)$")
    target_link_libraries(${target} PRIVATE troupe_testing)  # some are tried on many schedules
  endif()
  if(folder STREQUAL samples)
    get_property(samples GLOBAL PROPERTY troupe_sample_classes)
    list(TRANSFORM samples PREPEND sample_)
    target_link_libraries(${target} PRIVATE ${samples})
  endif()
  if(TARGET troupe_command AND folder MATCHES "^(pipeline|cli|samples)$")
    target_compile_definitions(${target} PRIVATE TROUPE_COMMAND="$<TARGET_FILE:troupe_command>")
    add_dependencies(${target} troupe_command)
  endif()
  target_compile_definitions(${target} PRIVATE TROUPE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endfunction()

# The tests of one folder: *_test.cpp become troupe_<folder>_tests; *_timing_test.cpp, which measure time and
# so run alone, become troupe_<folder>_timing_tests; scripts, which have no suffix or .py or .sh, run as they are.
function(troupe_test_folder path)
  get_filename_component(folder ${path} NAME)
  file(GLOB timing CONFIGURE_DEPENDS ${path}/*_timing_test.cpp)
  file(GLOB sources CONFIGURE_DEPENDS ${path}/*_test.cpp)
  file(GLOB scripts CONFIGURE_DEPENDS ${path}/*_test ${path}/*_test.py ${path}/*_test.sh)
  foreach(file IN LISTS timing)
    list(REMOVE_ITEM sources ${file})
  endforeach()
  if(NOT TROUPE_CAF)
    list(FILTER sources EXCLUDE REGEX "/caf_[a-z_]+_test.cpp$")
  endif()

  set(serial OFF)
  foreach(kind tests timing_tests)
    if(kind STREQUAL timing_tests)
      set(sources ${timing})
      set(serial ON)
    endif()
    if(sources)
      troupe_test_program(troupe_${folder}_${kind} ${folder} ${sources})
      gtest_discover_tests(troupe_${folder}_${kind} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                           PROPERTIES TIMEOUT 120 RUN_SERIAL ${serial} LABELS ${folder}
                           ENVIRONMENT "${TROUPE_TEST_ENVIRONMENT}")
    endif()
  endforeach()

  foreach(script IN LISTS scripts)
    get_filename_component(name ${script} NAME_WE)
    add_test(NAME ${folder}.${name} COMMAND ${script} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    troupe_test_properties(${folder}.${name})
    set_tests_properties(${folder}.${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77)  # some compile
  endforeach()
endfunction()

# The headers as one program after another would include them: a source for each that includes nothing else.
# Built by `cmake --build --target troupe_header_check`.
function(troupe_header_check)
  get_property(modules GLOBAL PROPERTY troupe_modules)
  set(sources)
  foreach(module IN LISTS modules)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${module}/*.hpp)
    list(FILTER headers EXCLUDE REGEX /detail/)
    foreach(header IN LISTS headers)
      set(source ${PROJECT_BINARY_DIR}/headers/${header}.cpp)
      file(CONFIGURE OUTPUT ${source} CONTENT "#include <troupe/${header}>\n")
      list(APPEND sources ${source})
    endforeach()
  endforeach()
  file(GLOB umbrella CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/troupe.hpp)
  if(umbrella)
    set(source ${PROJECT_BINARY_DIR}/headers/troupe.hpp.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include <troupe/troupe.hpp>\n")
    list(APPEND sources ${source})
  endif()
  if(sources)
    add_library(troupe_header_check OBJECT EXCLUDE_FROM_ALL ${sources})
    troupe_own(troupe_header_check)
    target_link_libraries(troupe_header_check PRIVATE troupe::troupe GTest::gtest $<TARGET_NAME_IF_EXISTS:caf::core>)
  endif()
endfunction()

# Each *.cpp of `path` must not compile, and say why with the text of its first line, `// expect: <text>`.
function(troupe_compile_fail_tests path)
  if(TROUPE_SANITIZE)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${path}/*.cpp)
  set(definitions)
  if(TROUPE_AWAIT_TEMPORARY_BUG)
    set(definitions -DTROUPE_AWAIT_TEMPORARY_BUG=1)
  endif()
  foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    add_test(NAME compile_fail.${name}
             COMMAND ${PROJECT_SOURCE_DIR}/tools/check_compile_fail ${source} ${CMAKE_CXX_COMPILER} -std=c++20
                     -I${TROUPE_INCLUDE_DIR} ${definitions})
    set_tests_properties(compile_fail.${name} PROPERTIES TIMEOUT 300 LABELS compile_fail)
  endforeach()
endfunction()

# Each sample that is a program runs, and ends with 0; each recipe prints what tests/samples/recipes says.
function(troupe_sample_tests)
  get_property(samples GLOBAL PROPERTY troupe_sample_programs)
  foreach(sample IN LISTS samples)
    add_test(NAME samples.${sample} COMMAND sample_${sample} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    troupe_test_properties(samples.${sample})
  endforeach()
  get_property(recipes GLOBAL PROPERTY troupe_recipes)
  foreach(recipe IN LISTS recipes)
    add_test(NAME recipes.${recipe}
             COMMAND ${PROJECT_SOURCE_DIR}/tests/samples/check_recipe $<TARGET_FILE:recipe_${recipe}>)
    troupe_test_properties(recipes.${recipe})
  endforeach()
endfunction()

# The program `stress`, and each of its queues with a million items.
function(troupe_stress_tests path)
  file(GLOB sources CONFIGURE_DEPENDS ${path}/*.cpp)
  add_executable(stress ${sources})
  troupe_own(stress)
  target_link_libraries(stress PRIVATE troupe::troupe GTest::gtest)  # the faults of the test kit
  foreach(queue ring injection inbox mailbox channel_unbounded channel_bounded channel_rendezvous channel_lifo
                channel_priority blocking_queue future actors burst)
    add_test(NAME stress.${queue} COMMAND stress --queue ${queue} --items 1000000)
    troupe_test_properties(stress.${queue})
    set_tests_properties(stress.${queue} PROPERTIES LABELS stress)
  endforeach()
  # The short form of a soak: by hand, --seconds 600.
  add_test(NAME stress.soak COMMAND stress --queue actors --items 500000 --seconds 20)
  troupe_test_properties(stress.soak)
  set_tests_properties(stress.soak PROPERTIES LABELS stress)
  # Random programs, with seeds that no run before had: by hand, --seconds 3600.
  add_test(NAME stress.seeds COMMAND stress --seeds --seconds 10)
  troupe_test_properties(stress.seeds)
  set_tests_properties(stress.seeds PROPERTIES LABELS stress)
endfunction()

# The checks of the tree itself; 77 means that what a check needs is not on this machine.
function(troupe_tree_checks)
  if(TROUPE_SANITIZE)
    return()
  endif()
  add_test(NAME tree.layers COMMAND ${PROJECT_SOURCE_DIR}/tools/check_layers)
  add_test(NAME tree.format COMMAND ${PROJECT_SOURCE_DIR}/tools/check_format)
  add_test(NAME tree.package COMMAND ${PROJECT_SOURCE_DIR}/tools/check_package ${PROJECT_BINARY_DIR})
  add_test(NAME tree.compile_time
           COMMAND ${PROJECT_SOURCE_DIR}/tools/check_compile_time ${CMAKE_CXX_COMPILER} -std=c++20
                   -I${TROUPE_INCLUDE_DIR})
  set_tests_properties(tree.layers tree.format tree.package tree.compile_time
                       PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS tree)
  set_tests_properties(tree.compile_time PROPERTIES RUN_SERIAL ON)
endfunction()

# Each *.pml of `path` holds, and its mutants do not; spin searches them.
function(troupe_promela_tests path)
  if(TROUPE_SANITIZE)
    return()
  endif()
  find_program(TROUPE_SPIN spin)
  mark_as_advanced(TROUPE_SPIN)
  if(NOT TROUPE_SPIN)
    message(STATUS "spin not found: the searches of the Promela models are left out")
    return()
  endif()
  file(GLOB models CONFIGURE_DEPENDS ${path}/*.pml)
  foreach(model IN LISTS models)
    get_filename_component(name ${model} NAME_WE)
    add_test(NAME promela.${name} COMMAND ${path}/check ${name})
    set_tests_properties(promela.${name} PROPERTIES TIMEOUT 300 LABELS promela)
  endforeach()
endfunction()
