include(CMakeFindDependencyMacro)

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_dependency(Threads)
find_dependency(fmt)
find_dependency(ConcurrentQueue)
find_dependency(yaml-cpp)
find_package(CAF QUIET)
list(REMOVE_ITEM CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})

include(${CMAKE_CURRENT_LIST_DIR}/troupe_targets.cmake)

# What was built and needs a library that is there: find_package(troupe COMPONENTS remote) insists on it.
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/troupe_remote_targets.cmake AND CAF_FOUND)
  include(${CMAKE_CURRENT_LIST_DIR}/troupe_remote_targets.cmake)
  set(troupe_remote_FOUND TRUE)
endif()
check_required_components(troupe)
