# The C++ Actor Framework; Debian ships 0.17 without a CMake package.
#
# Result variables: CAF_FOUND, CAF_VERSION
# Targets: caf::core, and caf::io and caf::openssl where present

find_path(CAF_INCLUDE_DIR caf/actor_system.hpp)
mark_as_advanced(CAF_INCLUDE_DIR)
foreach(component core io openssl)
  find_library(CAF_${component}_LIBRARY caf_${component})
  mark_as_advanced(CAF_${component}_LIBRARY)
endforeach()

# CAF_VERSION in the header is 10000 * major + 100 * minor + patch, as in 1706 for 0.17.6.
foreach(header config.hpp detail/build_config.hpp)
  if(CAF_INCLUDE_DIR AND NOT CAF_VERSION AND EXISTS ${CAF_INCLUDE_DIR}/caf/${header})
    file(STRINGS ${CAF_INCLUDE_DIR}/caf/${header} caf_line REGEX "#define CAF_VERSION [0-9]+")
    if(caf_line MATCHES "([0-9]+)$")
      math(EXPR caf_major "${CMAKE_MATCH_1} / 10000")
      math(EXPR caf_minor "${CMAKE_MATCH_1} / 100 % 100")
      math(EXPR caf_patch "${CMAKE_MATCH_1} % 100")
      set(CAF_VERSION ${caf_major}.${caf_minor}.${caf_patch})
    endif()
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF REQUIRED_VARS CAF_core_LIBRARY CAF_INCLUDE_DIR VERSION_VAR CAF_VERSION)

if(CAF_FOUND)
  foreach(component core io openssl)
    if(CAF_${component}_LIBRARY AND NOT TARGET caf::${component})
      add_library(caf::${component} UNKNOWN IMPORTED)
      set_target_properties(caf::${component} PROPERTIES IMPORTED_LOCATION ${CAF_${component}_LIBRARY}
                            INTERFACE_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR})
    endif()
  endforeach()
  foreach(component io openssl)
    if(TARGET caf::${component})
      set_property(TARGET caf::${component} PROPERTY INTERFACE_LINK_LIBRARIES caf::core)
    endif()
  endforeach()
endif()
