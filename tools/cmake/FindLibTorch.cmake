# Finds LibTorch, without the CUDA toolkit that the wheel's own TorchConfig.cmake insists on.
#
# Looked at, in this order: -DLIBTORCH=…, -DTorch_DIR=… (…/share/cmake/Torch), the environment's
# LIBTORCH and Torch_DIR, then LibTorch_FALLBACK, which an installed raceway sets, or where it is not
# set the virtual environment that tools/setup made (.venv).
#
# LibTorch::cpu    headers, libtorch_cpu, libc10
# LibTorch::cuda   LibTorch::cpu and libtorch_cuda, libc10_cuda, the CUDA runtime; only where both
#                  those and a CUDA toolkit (or the CUDA headers that come with the wheel) are found
# LibTorch_ROOT_DIR, LibTorch_VERSION

# LIBTORCH is what the user said; the default is computed anew each time, because a new pin in
# tools/requirements.txt moves the environment.
set(LIBTORCH "" CACHE PATH "A LibTorch ≥ 2.9: the folder with include/ and lib/")

function(_libtorch_candidates out)
  set(candidates "${LIBTORCH}")
  foreach(dir IN ITEMS "${Torch_DIR}" "$ENV{Torch_DIR}")
    if(dir)
      cmake_path(ABSOLUTE_PATH dir BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" NORMALIZE)
      list(APPEND candidates "${dir}/../../..")
    endif()
    if(NOT "$ENV{LIBTORCH}" IN_LIST candidates)
      list(APPEND candidates "$ENV{LIBTORCH}")
    endif()
  endforeach()
  if(LibTorch_FALLBACK)  # PROJECT_SOURCE_DIR is somebody else's, and so is a .venv in it
    list(APPEND candidates "${LibTorch_FALLBACK}")
  else()
    file(GLOB venv "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
    list(APPEND candidates ${venv})
  endif()
  list(REMOVE_ITEM candidates "")
  set(${out} "${candidates}" PARENT_SCOPE)
endfunction()

_libtorch_candidates(_candidates)
set(LibTorch_ROOT_DIR "")
foreach(_candidate IN LISTS _candidates)
  if(EXISTS "${_candidate}/lib/libtorch_cpu.so" AND EXISTS "${_candidate}/include/ATen/ATen.h")
    # The real path: it is the same for all checkouts, so ccache can share what they compile.
    file(REAL_PATH "${_candidate}" LibTorch_ROOT_DIR)
    break()
  endif()
endforeach()
# Look again when tools/setup has made another environment.
if(NOT LibTorch_FALLBACK AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/complete")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/.venv/complete")
endif()

set(LibTorch_VERSION "")
foreach(_part IN ITEMS MAJOR MINOR PATCH)
  set(_header "${LibTorch_ROOT_DIR}/include/torch/headeronly/version.h")
  if(EXISTS "${_header}")
    file(STRINGS "${_header}" _line REGEX "^#define TORCH_VERSION_${_part} ")
    string(REGEX REPLACE ".* " "." _line "${_line}")
    string(APPEND LibTorch_VERSION "${_line}")
  endif()
endforeach()
string(REGEX REPLACE "^\\." "" LibTorch_VERSION "${LibTorch_VERSION}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_ROOT_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run tools/setup, or give one with -DLIBTORCH=<folder with include/ and lib/>")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  set(_lib "${LibTorch_ROOT_DIR}/lib")
  set(_include "${LibTorch_ROOT_DIR}/include")

  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${_lib}/libc10.so")

  add_library(LibTorch::cpu SHARED IMPORTED)
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION "${_lib}/libtorch_cpu.so"
    INTERFACE_LINK_LIBRARIES "LibTorch::c10;Threads::Threads"
    # After the system's: these folders also hold protobuf, fmt and pybind11 of other versions.
    INTERFACE_COMPILE_OPTIONS
      "SHELL:-idirafter ${_include};SHELL:-idirafter ${_include}/torch/csrc/api/include")

  # A release of LibTorch for C++ has no nvidia folder, the wheel has.
  set(_nvidia "${LibTorch_ROOT_DIR}/../nvidia/cu13")
  if(EXISTS "${_lib}/libtorch_cuda.so" AND EXISTS "${_lib}/libc10_cuda.so")
    find_package(CUDAToolkit 13 QUIET)
    set(_cuda_include "${CUDAToolkit_INCLUDE_DIRS}")
    if(NOT _cuda_include AND EXISTS "${_nvidia}/include/cuda_runtime_api.h")
      set(_cuda_include "${_nvidia}/include")
    endif()
    # The wheel's own runtime before the toolkit's: libtorch_cuda has it loaded anyway.
    find_library(LibTorch_CUDART NAMES libcudart.so.13 cudart
      HINTS "${_nvidia}/lib" "${CUDAToolkit_LIBRARY_DIR}" NO_CACHE)
    if(_cuda_include AND LibTorch_CUDART)
      add_library(LibTorch::cudart SHARED IMPORTED)
      set_target_properties(LibTorch::cudart PROPERTIES IMPORTED_LOCATION "${LibTorch_CUDART}")
      add_library(LibTorch::c10_cuda SHARED IMPORTED)
      set_target_properties(LibTorch::c10_cuda PROPERTIES
        IMPORTED_LOCATION "${_lib}/libc10_cuda.so"
        INTERFACE_LINK_LIBRARIES "LibTorch::c10;LibTorch::cudart")
      # Kept though nobody calls into it: it registers the CUDA kernels when it is loaded.
      add_library(LibTorch::cuda INTERFACE IMPORTED)
      list(TRANSFORM _cuda_include PREPEND "SHELL:-idirafter ")
      set_target_properties(LibTorch::cuda PROPERTIES
        INTERFACE_LINK_LIBRARIES
          "-Wl,--push-state,--no-as-needed,${_lib}/libtorch_cuda.so,--pop-state;LibTorch::cpu;LibTorch::c10_cuda"
        INTERFACE_COMPILE_OPTIONS "${_cuda_include}")
    endif()
  endif()
endif()
