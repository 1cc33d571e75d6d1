# One folder of sources = one module = one target troupe::<folder>.

# Everybody includes <troupe/folder/header.hpp>: in the tree through these links, installed as they are.
set(TROUPE_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${TROUPE_INCLUDE_DIR}/troupe)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/troupe.hpp ${TROUPE_INCLUDE_DIR}/troupe/troupe.hpp SYMBOLIC)
set(TROUPE_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
set_property(GLOBAL PROPERTY troupe_modules)

# troupe_module(<name> [APART] [DEPENDS <module or library>...] [PRIVATE <library>...] [EXCLUDE <file>...])
#
# The target of the current folder: a static library of its sources and those in detail/, or an interface while it
# has none. DEPENDS is what its headers need, PRIVATE what its sources need.
function(troupe_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "APART" "" "DEPENDS;PRIVATE;EXCLUDE")
  set(folder ${CMAKE_CURRENT_SOURCE_DIR})
  file(CREATE_LINK ${folder} ${TROUPE_INCLUDE_DIR}/troupe/${name} SYMBOLIC)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  foreach(file IN LISTS arg_EXCLUDE)
    list(REMOVE_ITEM sources ${folder}/${file})
  endforeach()

  set(target troupe_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE})
    troupe_own(${target})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_DEPENDS})
    set(scope INTERFACE)
  endif()
  add_library(troupe::${name} ALIAS ${target})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${TROUPE_INCLUDE_DIR}>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})

  set(export troupe)
  if(arg_APART)
    set(export troupe_${name})
    install(EXPORT ${export} NAMESPACE troupe:: FILE troupe_${name}_targets.cmake DESTINATION ${TROUPE_PACKAGE_DIR})
    set_property(GLOBAL APPEND PROPERTY troupe_modules_apart ${name})
  endif()
  install(TARGETS ${target} EXPORT ${export})
  # Private headers too: templates need them.
  install(DIRECTORY ${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe/${name}
          FILES_MATCHING PATTERN "*.hpp")
  set_property(GLOBAL APPEND PROPERTY troupe_modules ${name})
endfunction()

# The target troupe::troupe, which is all modules, and the package that find_package(troupe) finds.
function(troupe_umbrella)
  get_property(modules GLOBAL PROPERTY troupe_modules)
  get_property(apart GLOBAL PROPERTY troupe_modules_apart)
  list(REMOVE_ITEM modules ${apart})
  list(TRANSFORM modules PREPEND troupe_ OUTPUT_VARIABLE targets)
  add_library(troupe_troupe INTERFACE)
  target_link_libraries(troupe_troupe INTERFACE ${targets})
  add_library(troupe::troupe ALIAS troupe_troupe)
  set_target_properties(troupe_troupe PROPERTIES EXPORT_NAME troupe)
  install(TARGETS troupe_troupe EXPORT troupe)
  install(FILES ${PROJECT_SOURCE_DIR}/troupe.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe OPTIONAL)
  install(EXPORT troupe NAMESPACE troupe:: FILE troupe_targets.cmake DESTINATION ${TROUPE_PACKAGE_DIR})

  include(CMakePackageConfigHelpers)
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/troupeConfigVersion.cmake ${PROJECT_SOURCE_DIR}/cmake/troupeConfig.cmake
                ${PROJECT_SOURCE_DIR}/cmake/FindConcurrentQueue.cmake ${PROJECT_SOURCE_DIR}/cmake/FindCAF.cmake
          DESTINATION ${TROUPE_PACKAGE_DIR})
endfunction()

# The `troupe` command: cli/main.cpp, the module cli, and the actor classes of the samples.
#
# Each sample folder with a pipeline.yaml defines `void <folder>::register_classes(troupe::pipeline::registry&)`;
# `troupe::cli::register_samples` calls them all.
function(troupe_command)
  file(GLOB main CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cli/main.cpp)
  if(NOT main)
    return()
  endif()
  get_property(samples GLOBAL PROPERTY troupe_sample_classes)
  set(declarations "")
  set(calls "")
  foreach(sample IN LISTS samples)
    string(APPEND declarations "namespace ${sample} {\nvoid register_classes(troupe::pipeline::registry&);\n}\n")
    string(APPEND calls "  ${sample}::register_classes(classes);\n")
  endforeach()
  set(generated ${PROJECT_BINARY_DIR}/generated/sample_classes.cpp)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [=[
#include <troupe/pipeline/registry.hpp>

@declarations@
namespace troupe::cli {

void register_samples(pipeline::registry& classes);

void register_samples([[maybe_unused]] pipeline::registry& classes) {
@calls@}

}  // namespace troupe::cli
]=])
  add_executable(troupe_command ${main} ${generated})
  set_target_properties(troupe_command PROPERTIES OUTPUT_NAME troupe RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  troupe_own(troupe_command)
  list(TRANSFORM samples PREPEND sample_)
  target_link_libraries(troupe_command PRIVATE troupe::cli ${samples} $<BUILD_INTERFACE:CLI11::CLI11>)
  install(TARGETS troupe_command)
endfunction()
