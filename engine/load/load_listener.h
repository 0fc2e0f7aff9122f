#pragma once

#include <functional>
#include <string>

#include "engine/load/load_event.h"

namespace raceway::engine::load {

/// Hears what happens in loads. Called by several threads at once; does not throw and returns soon.
using LoadListener = std::function<void(const std::string& model, const LoadEvent& event)>;

/// As long as this lives, `listener` hears of the loads of this process that tell. Models are
/// shared and loads outlive who asked for them, so who wants to hear is no matter of one load.
///
/// Threads  may be made and destroyed at any time, in any thread that is no listener's
class LoadListening {
 public:
  explicit LoadListening(LoadListener listener);
  /// Afterwards nobody is in the listener any more.
  ~LoadListening();
  LoadListening(const LoadListening&) = delete;

 private:
  const LoadListener listener_;
};

/// Tells whoever listens, under the name of a model. Free while nobody does.
LoadEventSink TellListeners(std::string model);

}  // namespace raceway::engine::load
