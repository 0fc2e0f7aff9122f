#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <utility>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/load/read_queue.h"

namespace raceway::engine::load {

/// Who wants a model that is still on its way. It is read as it was asked for in the beginning;
/// while requests have run into it, it is at least near, and due when the first of them is. That
/// none is left ends no load: whoever deployed the model wants it, too.
///
/// Threads  all functions, from any
class LoadInterest {
 public:
  /// Told of each change; not by two threads at once.
  using Reclass = std::function<void(Urgency urgency, TimePoint deadline)>;

  /// Of a model that goes by `urgency` and `deadline` until `reclass` is told of others.
  LoadInterest(Urgency urgency, TimePoint deadline, Reclass reclass)
      : own_{urgency, deadline}, told_(own_), reclass_(std::move(reclass)) {}
  LoadInterest(const LoadInterest&) = delete;

  /// A request that wants the model as long as this lives.
  class Request {
   public:
    ~Request();
    Request(const Request&) = delete;

   private:
    friend class LoadInterest;
    Request(LoadInterest& interest, TimePoint deadline);
    LoadInterest& interest_;
    const TimePoint deadline_;
  };
  /// Due as `cancel` says, or some time.
  Request Enter(const CancelToken& cancel);

  /// Another one that deployed the model wants it like this. The better of all counts.
  void Raise(Urgency urgency, TimePoint deadline);

 private:
  struct Class {
    Urgency urgency;
    TimePoint deadline;
    friend bool operator==(const Class&, const Class&) = default;
  };
  void Tell();  // behind the lock, so that the last one is heard last

  std::mutex mutex_;
  Class own_;
  Class told_;
  const Reclass reclass_;
  std::multiset<TimePoint> requests_;  // by their deadlines
};

}  // namespace raceway::engine::load
