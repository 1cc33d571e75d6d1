# The version of CAF that remote/ is made for, or a sentence that says what to do.

find_package(CAF)
set(caf_advice "Install 0.17 (libcaf-dev of Debian 12, Ubuntu 22.04 to 26.04; elsewhere give its folder as CAF_ROOT), or \
leave remote/ out: -DTROUPE_CAF=OFF")
if(NOT CAF_FOUND)
  message(FATAL_ERROR "CAF was not found: Troupe's folder remote/ runs its actors. ${caf_advice}")
elseif(CAF_VERSION VERSION_LESS 0.17 OR CAF_VERSION VERSION_GREATER_EQUAL 0.18)
  message(FATAL_ERROR "CAF ${CAF_VERSION} was found in ${CAF_INCLUDE_DIR}: Troupe's folder remote/ supports CAF 0.17 alone; \
0.18 and 1.x have another interface. ${caf_advice}")
endif()
