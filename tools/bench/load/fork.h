#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace raceway::bench {

/// Ends the bench, saying why: 1 for what went wrong, 4 for what the machine lacks.
[[noreturn]] void Stop(const std::string& why, int code = 1);

/// What `work` answers in a process of its own, which a fork of this one is: memory, threads and
/// kernels are new in each, and LibTorch need not be linked again (0.4 s). So this process must
/// have no other thread, and never use LibTorch itself. Ends the bench if `work` throws or crashes.
nlohmann::json InFork(const std::function<nlohmann::json()>& work);

}  // namespace raceway::bench
