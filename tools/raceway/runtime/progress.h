#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace raceway::tools {

/// Says on a terminal what takes so long, once it takes longer than a second; gone at the end.
/// Where standard error is no terminal it says nothing.
class Progress {
 public:
  /// `text` is asked again each time, from another thread.
  explicit Progress(std::function<std::string()> text);
  ~Progress();
  Progress(const Progress&) = delete;

 private:
  void Show();

  std::function<std::string()> text_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopped_ = false;
  std::thread thread_;
};

}  // namespace raceway::tools
