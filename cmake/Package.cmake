# What scripts/package.sh has cpack make: a tar.gz that runs wherever it is unpacked, and a .deb, both with LibTorch's CPU libraries.
# They hold what cmake --install installs, and the component "bundle": every library that libarzoo needs except those of a
# minimal Debian and the CUDA libraries that the stand-ins of NoCuda.cmake replace.
if(ARZOO_CUDA OR ARZOO_SANITIZE OR NOT TARGET arzoo_lib)
  return()
endif()

install(RUNTIME_DEPENDENCY_SET arzoo_needs
  PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|stdc\\+\\+|gcc_s|cudart|cupti)\\.so"
  LIBRARY DESTINATION lib/arzoo COMPONENT bundle EXCLUDE_FROM_ALL)

# The licences of all that is copied or compiled in: LibTorch's from its wheel, the others from their Debian packages.
set(_licences share/doc/arzoo/licenses)
file(GLOB _torch_licences "${ARZOO_TORCH_DIR}/../torch-*.dist-info/licenses/*" "${ARZOO_TORCH_DIR}/LICENSE*")
install(FILES ${_torch_licences} DESTINATION ${_licences}/libtorch COMPONENT bundle EXCLUDE_FROM_ALL)
if(ARZOO_ARROW)
  file(GLOB _arrow_licences "${ARZOO_ARROW_DIR}/../pyarrow-*.dist-info/licenses/*")
  install(FILES ${_arrow_licences} DESTINATION ${_licences}/arrow COMPONENT bundle EXCLUDE_FROM_ALL)
endif()
# Debian's packages of OpenCASCADE bear its version: libocct-foundation-7.6.
set(_cad_packages "")
if(ARZOO_CAD)
  set(_doc /usr/share/doc)
  file(GLOB _cad_packages RELATIVE ${_doc}
    "${_doc}/libocct-foundation-[0-9]*" "${_doc}/libocct-modeling-*-[0-9]*" "${_doc}/libocct-data-exchange-[0-9]*")
  list(APPEND _cad_packages libtbb12 libtbbmalloc2)
endif()
foreach(_package ${_cad_packages} libpng16-16 libjpeg62-turbo libmeshoptimizer2d zlib1g libgomp1 libfmt-dev libcli11-dev nlohmann-json3-dev)
  install(FILES "/usr/share/doc/${_package}/copyright" DESTINATION ${_licences} RENAME ${_package}
    COMPONENT bundle EXCLUDE_FROM_ALL OPTIONAL)
endforeach()

set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_CONTACT "The arzoo developers <arzoo@localhost>")
set(CPACK_PACKAGE_FILE_NAME "arzoo-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/package")
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};arzoo;ALL;/;${PROJECT_BINARY_DIR};arzoo;bundle;/")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_CURRENT_LIST_DIR}/PackagedFiles.cmake")
set(CPACK_THREADS 0)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# A program built here needs no newer libraries than those that are installed here.
set(_depends "")
foreach(_package libc6 libgcc-s1 libstdc++6)
  execute_process(COMMAND dpkg-query -W -f "\${source:Upstream-Version}" ${_package}
    OUTPUT_VARIABLE _version ERROR_QUIET)
  if(_version)
    list(APPEND _depends "${_package} (>= ${_version})")
  else()
    list(APPEND _depends "${_package}")
  endif()
endforeach()
string(JOIN ", " CPACK_DEBIAN_PACKAGE_DEPENDS ${_depends})
include(CPack)
