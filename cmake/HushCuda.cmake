# Whether kernels are compiled for GPUs. HUSH_CUDA=AUTO does so if nvcc is found (not in builds with
# sanitizers, which test the emulated kernels); ON insists; OFF does not look. The emulated kernels
# are built and tested always. CMAKE_CUDA_ARCHITECTURES chooses the GPUs: by default code for sm_80
# and sm_90 and PTX for later ones; "native" is the GPU at hand.
set(HUSH_CUDA AUTO CACHE STRING "Build the CUDA backend: AUTO, ON or OFF")
set_property(CACHE HUSH_CUDA PROPERTY STRINGS AUTO ON OFF)

set(HUSH_HAS_CUDA OFF)
if(HUSH_CUDA STREQUAL "ON" OR (HUSH_CUDA STREQUAL "AUTO" AND NOT sanitizers))
  find_program(HUSH_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
  if(HUSH_NVCC)
    set(HUSH_HAS_CUDA ON)
  elseif(HUSH_CUDA STREQUAL "ON")
    message(FATAL_ERROR "HUSH_CUDA=ON, but nvcc is not found; install the CUDA toolkit (12 or later), "
                        "set CUDACXX, or configure with -DHUSH_CUDA=OFF")
  endif()
endif()

if(HUSH_HAS_CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${HUSH_NVCC})
  endif()
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "80-real;90" CACHE STRING "GPUs to compile for")
  endif()
  if(CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)  # so that the programs also start where CUDA is not
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake before 3.26 does not know that nvcc has it
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  # Functions of core/random.h and core/scalar.h are constexpr, and so may run on the device. A kernel
  # that spills registers is an error like any other warning; 20050 is about kernels that are inline,
  # which C++ wants. nvcc cannot evaluate fmt's checks of format strings (the emulated build does), and
  # fmt takes it for a compiler without constexpr.
  string(APPEND CMAKE_CUDA_FLAGS " --expt-relaxed-constexpr -Xcompiler=-Wall -Xptxas=--warn-on-spills"
         " -Werror=all-warnings -diag-suppress=20050 -DFMT_CONSTEVAL= -DFMT_USE_CONSTEXPR=1")
endif()
