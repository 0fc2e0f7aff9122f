#pragma once

#include <functional>

#include "engine/clock.h"

namespace raceway::engine {

class Places;

/// The threads of an engine, for a step that can use several.
///
/// Threads  all functions may be called from any, as long as a request of the step's flow is in
///          flight
class Workers {
 public:
  virtual ~Workers() = default;

  /// Runs `work` as soon as a worker is free, which may be never while the caller waits for it: so
  /// the caller must be ready to do it itself. `work` must not throw. The flow stays until then.
  virtual void Start(std::function<void()> work) = 0;

  /// Calls `call` at `time`, or never if the engine ends before. It must not throw and must not
  /// take long. Nothing stays for its sake.
  virtual void At(TimePoint time, std::function<void()> call) = 0;

  virtual int num_threads() const = 0;
  /// How many of them are taken.
  virtual Places& places() = 0;
};

}  // namespace raceway::engine
