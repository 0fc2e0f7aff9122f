# Tests that are no C++: who includes whom, formatting, the tests of the examples, and the
# example against plain Python.
# They look at the sources or at the whole, so the sanitizer builds leave the first two out.

set(RACEWAY_PYTHON "${PROJECT_SOURCE_DIR}/.venv/bin/python")

if(NOT RACEWAY_SANITIZE)
  foreach(check IN ITEMS includes format)
    add_test(NAME lint_${check} COMMAND "${PROJECT_SOURCE_DIR}/tools/lint" ${check}
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  endforeach()
endif()

add_test(NAME native_functions
  COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/operators/functions_test.py"
          "${PROJECT_BINARY_DIR}/bin/raceway"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
set_tests_properties(native_functions PROPERTIES TIMEOUT 600)

add_test(NAME wordpiece
  COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/operators/wordpiece_test.py"
          "${PROJECT_BINARY_DIR}/bin/raceway"
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")

if(EXISTS "${PROJECT_SOURCE_DIR}/examples/image_cascade.flow")
  # That of examples/plugin needs its library beside it (examples_plugin_test).
  file(GLOB RACEWAY_EXAMPLES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.flow")
  add_test(NAME example_tests
    COMMAND "${PROJECT_BINARY_DIR}/bin/raceway" test ${RACEWAY_EXAMPLES}
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  add_test(NAME example_models
    COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tools/models/export.py"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  add_test(NAME image_cascade
    COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/examples/image_cascade_test.py"
            "${PROJECT_BINARY_DIR}/bin/raceway"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(example_models PROPERTIES FIXTURES_SETUP example_models TIMEOUT 600)
  set_tests_properties(image_cascade PROPERTIES FIXTURES_REQUIRED example_models TIMEOUT 600)
  add_test(NAME recommender
    COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/examples/recommender_test.py"
            "${PROJECT_BINARY_DIR}/bin/raceway"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(recommender PROPERTIES TIMEOUT 600)
  # What only these want is made for them alone.
  add_test(NAME example_models_all
    COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tools/models/export.py" --all
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(example_models_all PROPERTIES
    FIXTURES_SETUP example_models_all FIXTURES_REQUIRED example_models TIMEOUT 600
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
  foreach(name IN ITEMS faces search)
    add_test(NAME example_${name}
      COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/examples/${name}_test.py"
              "${PROJECT_BINARY_DIR}/bin/raceway"
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    set_tests_properties(example_${name} PROPERTIES
      FIXTURES_REQUIRED example_models_all TIMEOUT 600 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
  endforeach()
  add_test(NAME example_voice_models
    COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tools/models/export_voice.py"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(example_voice_models PROPERTIES FIXTURES_SETUP example_voice_models)
  foreach(name IN ITEMS photo_races voice)
    add_test(NAME ${name}
      COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/examples/${name}_test.py"
              "${PROJECT_BINARY_DIR}/bin/raceway"
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  endforeach()
  set_tests_properties(photo_races PROPERTIES FIXTURES_REQUIRED example_models TIMEOUT 600)
  set_tests_properties(voice PROPERTIES FIXTURES_REQUIRED example_voice_models TIMEOUT 600)
  add_test(NAME large_models
    COMMAND "${RACEWAY_PYTHON}" "${PROJECT_SOURCE_DIR}/tests/examples/large_models_test.py"
            "${PROJECT_BINARY_DIR}/bin/raceway"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(large_models PROPERTIES LABELS full TIMEOUT 1200)
endif()
