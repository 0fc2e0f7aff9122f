#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

/// Golden tests: a flow and what we say about it in one file, read in review.
///
///     edition 1
///     schema Image { id: i64 }
///     ===== syntax
///     edition 1
///     schema Image { id: i64 }
///
/// A line `===== name` ends the flow and begins a section with the expected text. A new file needs
/// the flow and the bare section lines; `RACEWAY_UPDATE_GOLDEN=1` in the environment of the tests
/// then writes what comes out, and rewrites what has changed.
namespace raceway::tests {

/// The files `*.golden` of `folder` that have a section of this name, sorted: the parameters of a
/// test suite. A folder without any is an empty list.
std::vector<std::string> GoldenFiles(const std::string& folder, const std::string& section);

/// The name of a test: its file's name, in letters a test's name may have.
std::string GoldenName(const testing::TestParamInfo<std::string>& file);

/// The flow of a golden file.
std::string GoldenFlow(const std::string& file);

/// What to do with a flow. `name` is `<file>.flow`, for messages.
using GoldenFunction = std::function<std::string(const std::string& name, const std::string& flow)>;

/// Compares the section with what `function` makes of the flow, line by line, and fails with a
/// diff.
void CheckGolden(const std::string& file, const std::string& section,
                 const GoldenFunction& function);

}  // namespace raceway::tests
