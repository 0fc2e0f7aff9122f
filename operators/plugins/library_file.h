#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/result.h"

/// Libraries of native functions that users write (`operators/plugin.h`).
namespace raceway::operators {

/// A plugin as a file, of which nothing has run yet.
struct LibraryFile {
  std::string sha256;  // of its content, hexadecimal
};

/// Reads what is known of a library before it is loaded. `shown` is the path as the flow has it,
/// for messages.
///
/// Errors   Unavailable if it cannot be read, InvalidArgument if it is no shared library or no
///          plugin, Unsupported if it was built for another version of the API, of LibTorch or of
///          the C++ library
/// Threads  any
engine::Result<LibraryFile> ReadLibraryFile(const std::filesystem::path& path,
                                            const std::string& shown);

/// The same for a file's content: empty, or what is wrong with it.
engine::Status CheckLibraryFile(std::string_view content, const std::string& shown);

}  // namespace raceway::operators
