# Options that every target of the project shares, and the two ways targets are declared.
include(CheckCXXCompilerFlag)
include(GoogleTest)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(hush_options INTERFACE)
target_include_directories(hush_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(hush_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # A loop that clang declines to vectorise is no mistake, and only it would warn of it.
  target_compile_options(hush_options INTERFACE -Wno-pass-failed)
endif()
if(HUSH_WERROR)
  target_compile_options(hush_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(HUSH_SANITIZE OR HUSH_FUZZ)
  set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
endif()
if(sanitizers AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang 14 cannot assemble coroutines with this check: "difference across sections".
  list(APPEND sanitizers -fno-sanitize=function)
endif()
if(HUSH_FUZZ)
  # Coverage feedback from the code under test; the sanitizers' runtime holds its symbols.
  list(APPEND sanitizers -fsanitize=fuzzer-no-link)
endif()
if(HUSH_THREAD_SANITIZE)
  set(sanitizers -fsanitize=thread -fno-omit-frame-pointer)
endif()
if(sanitizers)
  target_compile_options(hush_options INTERFACE ${sanitizers} -g1)
  target_link_options(hush_options INTERFACE ${sanitizers})
endif()

# hush_inner_loops(SOURCES...): sanitized tests spend their time in these. No fuzz target learns from their coverage, and
# AddressSanitizer sees where pointers lead. (Options of a source come after those of its target.)
function(hush_inner_loops)
  if(HUSH_SANITIZE OR HUSH_FUZZ)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS
      "-fno-sanitize=pointer-overflow;$<$<BOOL:${HUSH_FUZZ}>:-fno-sanitize=fuzzer-no-link>")
  endif()
endfunction()

# hush_library(NAME LINKS...): a library from every .cpp under the current folder.
# What it links is all that it may include.
function(hush_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC hush_options ${ARGN})
endfunction()

# What g++ 12 says of libstdc++'s own strings and paths at -O1.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(hush_false_alarms -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
endif()

# hush_cold(NAME HEADERS...): code that does no work of its own. Large headers are parsed once, and
# the optimiser is kept short: both take most of the build's time.
function(hush_cold name)
  target_compile_options(${name} PRIVATE -O1 ${hush_false_alarms})
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

# hush_app(NAME LINKS...): an executable that stands beside its source in apps/.
function(hush_app name)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/apps/${name}.cpp)
  target_link_libraries(${name} PRIVATE hush_options ${ARGN})
  target_compile_options(${name} PRIVATE -O1 ${hush_false_alarms})
  target_precompile_headers(${name} REUSE_FROM hush_apps)
  if(NOT sanitizers AND NOT HUSH_FUZZ)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_SOURCE_DIR}/apps)
  endif()
endfunction()

# hush_test(FOLDER LINKS...): the GoogleTest executable of tests/FOLDER.
function(hush_test folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${folder}_test ${sources})
  target_link_libraries(${folder}_test PRIVATE hush_options ${ARGN} GTest::gtest GTest::gmock GTest::gtest_main)
  hush_cold(${folder}_test <gtest/gtest.h> <gmock/gmock.h> <fmt/format.h> <algorithm> <string> <vector>)
  gtest_discover_tests(${folder}_test NO_PRETTY_VALUES TEST_PREFIX ${folder}/
                       WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                       DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 900)
endfunction()
