# cpack runs this on the files of each package before it packs them: strips the program and the libraries, and sets their run
# path to the package's own folder. A DT_RPATH comes before LD_LIBRARY_PATH, so that another LibTorch there does no harm.
cmake_minimum_required(VERSION 3.25)
find_program(_strip strip REQUIRED)
find_program(_patchelf patchelf REQUIRED)

function(arzoo_strip file run_path)
  file(CHMOD "${file}" FILE_PERMISSIONS ${ARGN})
  execute_process(COMMAND "${_strip}" --strip-unneeded "${file}" COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${_patchelf}" --force-rpath --set-rpath "${run_path}" "${file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(_readable OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(GLOB_RECURSE _files LIST_DIRECTORIES false "${CPACK_TEMPORARY_DIRECTORY}/*")
foreach(_file IN LISTS _files)
  if(IS_SYMLINK "${_file}")
    continue()
  elseif(_file MATCHES "/lib/arzoo/[^/]*\\.so[^/]*$")
    arzoo_strip("${_file}" "$ORIGIN" ${_readable})
  elseif(_file MATCHES "/bin/arzoo$")
    arzoo_strip("${_file}" "$ORIGIN/../lib/arzoo" ${_readable} OWNER_EXECUTE GROUP_EXECUTE WORLD_EXECUTE)
  elseif(_file MATCHES "/zsh/site-functions/_arzoo$" AND CPACK_GENERATOR STREQUAL "DEB")
    # Debian's zsh looks for a package's completions in a folder of another name.
    get_filename_component(_folder "${_file}" DIRECTORY)
    string(REPLACE "/site-functions" "/vendor-completions" _debian "${_folder}")
    file(RENAME "${_folder}" "${_debian}")
  endif()
endforeach()
