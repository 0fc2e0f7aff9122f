#pragma once

#include <string>

namespace raceway::engine::load {

/// What an exception of LibTorch says; on later lines CUDA's has advice and a trace.
inline std::string FirstLine(const std::string& what) { return what.substr(0, what.find('\n')); }

}  // namespace raceway::engine::load
