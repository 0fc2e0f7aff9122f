# How every target of ours is built. Targets link `raceway_settings` PRIVATE.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # the static libraries go into the engine's shared one
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()

# Paths below the source folder are rewritten to relative ones, so that a second checkout of the
# same commit finds what the first compiled.
find_program(RACEWAY_CCACHE ccache)
if(RACEWAY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      "${RACEWAY_CCACHE}")
endif()

add_library(raceway_settings INTERFACE)
target_compile_features(raceway_settings INTERFACE cxx_std_20)
target_include_directories(raceway_settings INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(raceway_settings INTERFACE
  -Wall -Wextra -Wpedantic
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.")
if(RACEWAY_WERROR)
  target_compile_options(raceway_settings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 is wrong about std::string + "…" when it optimises (GCC bug 105651).
  target_compile_options(raceway_settings INTERFACE -Wno-restrict)
endif()

if(RACEWAY_SANITIZE MATCHES "thread" AND NOT EXISTS "${PROJECT_SOURCE_DIR}/.tbb-tsan/libtbb.so.12")
  message(WARNING "The distribution's TBB is not instrumented: the thread sanitizer will report "
    "races that are none. Run tools/setup --tsan.")
endif()

# Sanitizers go into every object of the build, ANTLR's included, hence no INTERFACE library.
if(RACEWAY_SANITIZE)
  add_compile_options("-fsanitize=${RACEWAY_SANITIZE}" -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${RACEWAY_SANITIZE}")
  if(RACEWAY_SANITIZE MATCHES "undefined")
    # TBB casts its nodes in ways the vptr check takes for wrong.
    add_compile_options(-fno-sanitize=vptr -fno-sanitize-recover=all)
    add_link_options(-fno-sanitize=vptr)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code confuses g++'s data-flow warnings; -Wtsan only says that fences are not
    # modelled. The other builds have these warnings on.
    add_compile_options(-Wno-maybe-uninitialized)
    if(RACEWAY_SANITIZE MATCHES "thread")
      add_compile_options(-Wno-tsan)
    endif()
  endif()
endif()
