# cmake --install BUILD --prefix X: the program, libarzoo, configs, shell completions, the manual page.
# The program looks for its library in ../lib/arzoo, whatever a distribution calls its library folder.
install(TARGETS arzoo RUNTIME DESTINATION bin)
if(TARGET arzoo_lib)
  # LibTorch is not copied: the one that was built against is used.
  get_filename_component(_torch_libraries "${ARZOO_LIB_torch_cpu}" DIRECTORY)
  set_target_properties(arzoo_lib PROPERTIES INSTALL_RPATH "${_torch_libraries}")
  install(TARGETS arzoo_lib LIBRARY DESTINATION lib/arzoo NAMELINK_SKIP)
  foreach(_stand_in arzoo_no_cudart arzoo_no_cupti)
    if(TARGET ${_stand_in})
      install(TARGETS ${_stand_in} LIBRARY DESTINATION lib/arzoo)
    endif()
  endforeach()
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/configs" DESTINATION share/arzoo)
install(FILES "${PROJECT_BINARY_DIR}/apps/arzoo/completions/arzoo" DESTINATION share/bash-completion/completions)
install(FILES "${PROJECT_BINARY_DIR}/apps/arzoo/completions/_arzoo" DESTINATION share/zsh/site-functions)
install(FILES "${PROJECT_BINARY_DIR}/apps/arzoo/completions/arzoo.fish" DESTINATION share/fish/vendor_completions.d)
install(FILES "${PROJECT_BINARY_DIR}/apps/arzoo/completions/arzoo.1" DESTINATION share/man/man1)
# Laid out as in the repository, so that the links between the pages hold.
install(FILES "${PROJECT_SOURCE_DIR}/README.md" DESTINATION share/doc/arzoo OPTIONAL)
install(FILES "${PROJECT_SOURCE_DIR}/data/README.md" DESTINATION share/doc/arzoo/data OPTIONAL)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION share/doc/arzoo OPTIONAL)
