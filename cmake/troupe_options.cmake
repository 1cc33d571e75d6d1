# How Troupe's own code is compiled. What others include is left alone.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(TROUPE_CCACHE ccache)
if(TROUPE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TROUPE_CCACHE})
endif()

# Sanitizers change the layout of the standard containers' annotations, so that every object must agree.
if(TROUPE_SANITIZE)
  add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TROUPE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With the checks in between, g++ 12 no longer sees that an optional is read only where it is set.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if(TROUPE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The queue of moodycamel has fences; that ours has none, tools/check_layers sees to.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(NOT APPLE)
  add_link_options(-Wl,--as-needed)
endif()

# The flags of every target of ours; never exported.
add_library(troupe_options INTERFACE)
target_compile_features(troupe_options INTERFACE cxx_std_20)
target_compile_options(troupe_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       $<$<BOOL:${TROUPE_WERROR}>:-Werror>
                       # g++ 12 warns of overlapping copies in std::string's own code (GCC PR 105651).
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)

# Makes `target` one of ours.
function(troupe_own target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:troupe_options>)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
endfunction()
