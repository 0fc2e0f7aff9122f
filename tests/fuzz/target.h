#pragma once

#include <string>
#include <string_view>

/// What a fuzzer is made of: a target (one file each, `parse.cpp`, …) and the driver that feeds it.
namespace raceway::fuzz {

/// The target's name, for messages and for the names of findings.
extern const std::string_view kTarget;

/// Gives the code under test one text. Returns the empty string if all promises held, else the
/// broken one. A crash, a sanitizer's report and an endless loop are findings as well.
std::string Try(const std::string& text);

}  // namespace raceway::fuzz
