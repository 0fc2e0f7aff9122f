#pragma once

#include <string>

namespace raceway::tools {

/// What every command ends with.
enum ExitCode {
  kFine = 0,
  kFlowIsWrong = 1,
  kUsage = 2,
  kRequestFailed = 3,
  kMachineLacks = 4,
};

/// "raceway: message" on standard error; returns `code`.
int Fail(int code, const std::string& message);

}  // namespace raceway::tools
