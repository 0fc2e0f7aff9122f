#pragma once

#include <optional>
#include <string>

#include "dsl/parse.h"
#include "dsl/source.h"

namespace raceway::dsl {

/// The one canonical form of a file: what `raceway fmt` writes.
///
/// Lines have at most 100 columns where that can be, blocks are indented by two. A list stands on
/// one line if it fits, else one entry a line; so does a chain of steps. Order, comments, and the
/// spelling of every name and literal stay; of several empty lines one stays. A missing `edition`
/// is written.
///
/// Input    `parsed` is what `Parse` gave for `source`
/// Errors   nothing if the file has an error, for then it is not known what is meant
/// Threads  safe from any thread (calls wait for each other, and for `Parse`)
std::optional<std::string> Format(const Source& source, const ParseResult& parsed);

}  // namespace raceway::dsl
