# find_package(websocket-component) gives the target websocket-component::websocket.
get_filename_component(_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET websocket-component::websocket)
  add_library(websocket-component::websocket SHARED IMPORTED)
  set_target_properties(
    websocket-component::websocket
    PROPERTIES IMPORTED_LOCATION "${_prefix}/lib/libwebsocket.so.0"
               INTERFACE_INCLUDE_DIRECTORIES "${_prefix}/include/websocket-component"
  )
endif()
