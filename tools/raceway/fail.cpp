#include "tools/raceway/fail.h"

#include <unistd.h>

#include <cstdio>

namespace raceway::tools {

int Fail(int code, const std::string& message) {
  const bool color = ::isatty(STDERR_FILENO) != 0;
  std::fprintf(stderr, "%sraceway:%s %s\n", color ? "\033[1;31m" : "", color ? "\033[0m" : "",
               message.c_str());
  return code;
}

}  // namespace raceway::tools
