#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace raceway::bench {

/// A program that runs beside the bench. It is killed at the end if it still runs; a bench whose
/// program does not start or does not answer ends with exit code 1.
class Process {
 public:
  enum class Io {
    kNone,   // reads nothing, its output is thrown away
    kTalks,  // to the bench, over pipes
  };

  Process(std::vector<std::string> argv, Io io);
  ~Process();
  Process(const Process&) = delete;

  void Write(std::string_view text);
  /// Exactly `count` bytes / up to the end of a line, which is left out.
  std::string Read(size_t count);
  std::string ReadLine();
  /// Its exit code.
  int Wait();

 private:
  void FillBuffer();

  std::string name_;
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string buffer_;
};

/// How long a whole process takes, in milliseconds, from its start to its exit with 0.
double MillisecondsOf(const std::vector<std::string>& argv);

}  // namespace raceway::bench
