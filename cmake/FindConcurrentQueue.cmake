# moodycamel::ConcurrentQueue, included as <concurrentqueue/concurrentqueue.h>.
#
# Target: moodycamel::concurrentqueue

find_path(ConcurrentQueue_INCLUDE_DIR concurrentqueue/concurrentqueue.h)
mark_as_advanced(ConcurrentQueue_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ConcurrentQueue REQUIRED_VARS ConcurrentQueue_INCLUDE_DIR)

if(ConcurrentQueue_FOUND AND NOT TARGET moodycamel::concurrentqueue)
  add_library(moodycamel::concurrentqueue INTERFACE IMPORTED)
  set_target_properties(moodycamel::concurrentqueue PROPERTIES
                        INTERFACE_INCLUDE_DIRECTORIES "${ConcurrentQueue_INCLUDE_DIR}")
endif()
