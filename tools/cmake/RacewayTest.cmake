# raceway_test(NAME name SOURCES files… [LIBS targets…] [LABELS labels…] [TIMEOUT seconds])
#
# One GoogleTest binary, one CTest entry: asking a binary for its tests would start it once more,
# and starting LibTorch takes half a second. Runs in the source root, so a test opens
# "tests/flows/…" and "examples/…" as they are written.
function(raceway_test)
  cmake_parse_arguments(PARSE_ARGV 0 TEST "" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS")
  if(NOT TEST_NAME OR NOT TEST_SOURCES OR TEST_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "raceway_test needs NAME and SOURCES; not known: ${TEST_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  if(RACEWAY_SANITIZE)
    math(EXPR TEST_TIMEOUT "6 * ${TEST_TIMEOUT}")
  endif()
  find_package(GTest REQUIRED)
  add_executable(${TEST_NAME} ${TEST_SOURCES})
  set_target_properties(${TEST_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  target_link_libraries(${TEST_NAME} PRIVATE
    ${TEST_LIBS} GTest::gmock GTest::gtest_main raceway_settings)
  add_test(NAME ${TEST_NAME} COMMAND ${TEST_NAME} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(${TEST_NAME} PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}")
endfunction()
