# How a room of lib/ and its tests are built: warnings, precompiled header, links, decided once.
include_guard(GLOBAL)

add_library(arzoo_options INTERFACE)
target_include_directories(arzoo_options INTERFACE "${PROJECT_SOURCE_DIR}/lib")
target_compile_definitions(arzoo_options INTERFACE FMT_HEADER_ONLY CLI11_HAS_FILESYSTEM=1)
target_compile_options(arzoo_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${ARZOO_WERROR}>>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Its flow analyses raise false alarms inside std::string and std::vector (GCC bugs 105329, 105562): shown, not fatal.
  target_compile_options(arzoo_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict -Wno-error=maybe-uninitialized
    -Wno-error=stringop-overflow -Wno-error=array-bounds -Wno-error=free-nonheap-object>)
endif()
if(ARZOO_SANITIZE)
  target_compile_options(arzoo_options INTERFACE -fsanitize=${ARZOO_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(arzoo_options INTERFACE -fsanitize=${ARZOO_SANITIZE})
endif()

# ccache accepts a precompiled header only when told that its time stamps do not matter.
find_program(ARZOO_CCACHE ccache)
if(ARZOO_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${ARZOO_CCACHE}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(arzoo_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  else()
    target_compile_options(arzoo_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

# The precompiled header (it takes hundreds of MB), shared by every target that sees torch; the tests have one of their own, since
# their sources are compiled without optimisation: that takes half the time, and they run once.
function(arzoo_make_pch target)
  # Written only when it changes: a new time stamp would rebuild everything.
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/pch.cpp" CONTENT "// Owns the precompiled header.\n")
  add_library(${target} OBJECT "${PROJECT_BINARY_DIR}/pch.cpp")
  target_link_libraries(${target} PUBLIC arzoo_options arzoo::torch nlohmann_json::nlohmann_json)
  target_precompile_headers(${target} PUBLIC <torch/torch.h> <fmt/format.h> <nlohmann/json.hpp>)
endfunction()
set(ARZOO_TEST_OPTIONS $<$<CONFIG:Release>:-O0>)

# arzoo_room(NAME [TORCH] [EXCLUDE source...] LINKS target...): the static library arzoo::NAME of the sources in NAME/ and its folders.
function(arzoo_room name)
  cmake_parse_arguments(arg "TORCH" "" "EXCLUDE;LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  foreach(source IN LISTS arg_EXCLUDE)
    list(REMOVE_ITEM sources "${CMAKE_CURRENT_SOURCE_DIR}/${name}/${source}")
  endforeach()
  add_library(arzoo_${name} STATIC ${sources})
  add_library(arzoo::${name} ALIAS arzoo_${name})
  arzoo_links(arzoo_${name} PUBLIC "${arg_TORCH}" "${arg_LINKS}")
  if(arg_TORCH)
    target_precompile_headers(arzoo_${name} REUSE_FROM arzoo_pch)
  endif()
  arzoo_unity(arzoo_${name} 16)
endfunction()

# Sources are compiled together, so many at a time, where the preset asks for it: the headers are what costs.
function(arzoo_unity target batch)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${ARZOO_UNITY} UNITY_BUILD_BATCH_SIZE ${batch})
endfunction()

function(arzoo_links target visibility torch links)
  target_link_libraries(${target} ${visibility} arzoo_options ${links})
  if(torch)
    target_link_libraries(${target} ${visibility} arzoo::torch nlohmann_json::nlohmann_json)
  endif()
endfunction()

# arzoo_test(NAME [TORCH] [THREADS] [FOLDER folder] [EXCLUDE folder] LINKS target...): one program of the *_test.cpp in tests/FOLDER, tests/NAME
# by default, and below, but for those in EXCLUDE; each source is one ctest entry.
# The objects are a library of their own so that their flags equal the rooms', which the precompiled header demands.
# One thread for each but THREADS, the rooms of kernels: elsewhere tests of several threads set their number, and OpenMP's waiting
# threads would take the cores from the other tests.
# A test may take the time limit on a machine half as fast that does other work besides.
function(arzoo_test name)
  cmake_parse_arguments(arg "TORCH;THREADS" "FOLDER;EXCLUDE" "LINKS" ${ARGN})
  if(NOT arg_FOLDER)
    set(arg_FOLDER ${name})
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER}/*_test.cpp")
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "/${arg_EXCLUDE}/")
  endif()
  if(NOT sources)
    return()
  endif()
  add_library(${name}_test_objects OBJECT ${sources})
  target_include_directories(${name}_test_objects PUBLIC "${PROJECT_SOURCE_DIR}/tests")
  arzoo_links(${name}_test_objects PUBLIC "${arg_TORCH}" "${arg_LINKS};Catch2::Catch2")
  target_compile_options(${name}_test_objects PRIVATE ${ARZOO_TEST_OPTIONS})
  if(arg_TORCH)
    target_compile_definitions(${name}_test_objects PRIVATE ARZOO_TEST_TORCH=1)
    target_precompile_headers(${name}_test_objects REUSE_FROM arzoo_test_pch)
  endif()
  target_compile_definitions(${name}_test_objects PRIVATE
    "ARZOO_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"" "ARZOO_BINARY=\"${PROJECT_BINARY_DIR}/arzoo\"")
  arzoo_unity(${name}_test_objects 12)
  add_executable(${name}_tests)
  target_link_libraries(${name}_tests PRIVATE ${name}_test_objects arzoo_test_main)
  set_target_properties(${name}_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  set(environment "ARZOO_COLOR=never" "OMP_WAIT_POLICY=passive")
  if(NOT arg_THREADS)
    list(APPEND environment "OMP_NUM_THREADS=1")
  endif()
  foreach(source IN LISTS sources)
    get_filename_component(stem "${source}" NAME_WE)
    add_test(NAME ${name}/${stem} COMMAND ${name}_tests "-#" "[#${stem}]" -w NoTests)
    set_tests_properties(${name}/${stem} PROPERTIES TIMEOUT 600 ENVIRONMENT "${environment}")
  endforeach()
endfunction()
