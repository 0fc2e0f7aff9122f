#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/catalog.h"
#include "engine/result.h"

namespace raceway::tools {

/// Whether code of a library may be run to learn what is in it. An editor that opens a file must
/// not run what somebody put beside it; a person who asks for a check may.
enum class Probing { kAllowed, kNever };

/// The functions in the library `path`, which flows call `shown`. Nothing of it runs in this
/// process: what the file says of its version is read as text, and then another process loads it,
/// for at most `RACEWAY_PLUGIN_SECONDS` (20). What was found is remembered by the hash of the
/// content, on disk where it went well (`CachedContracts`), else in this process.
///
/// That process is `kProbeProgram`, found from where this code lies: beside its library, as in the
/// Python package, or below the prefix that has it in `lib` or `bin`. `RACEWAY_PLUGIN_PROBE` names
/// another.
///
/// Errors   as `compiler::Files::Functions`; Failed, too, if `kProbeProgram` is not there
/// Threads  any
engine::Result<std::vector<engine::FunctionContract>> FunctionsIn(const std::filesystem::path& path,
                                                                  const std::string& shown,
                                                                  Probing probing);

/// The program, and the descriptor that it writes the contracts to, or what is wrong.
constexpr char kProbeProgram[] = "raceway_plugin_probe";
constexpr int kProbeDescriptor = 3;

}  // namespace raceway::tools
