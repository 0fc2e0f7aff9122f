#pragma once

#include <mutex>
#include <set>

#include "engine/cancel.h"
#include "engine/clock.h"
#include "engine/load/load_job.h"

namespace raceway::engine::load {

/// Who wants a model that is still on its way. A load goes by what it was started with; while
/// requests have run into it, it is at least near, and due when the first of them is. That none is
/// left ends no load: whoever deployed the model wants it, too.
///
/// Threads  all functions, from any
class LoadInterest {
 public:
  /// `job`, which was started with `urgency` and `deadline`, must outlive it.
  LoadInterest(LoadJob& job, Urgency urgency, TimePoint deadline)
      : job_(job), own_{urgency, deadline}, told_(own_) {}
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
  void Tell();  // behind the lock, so that the job hears the last one last

  LoadJob& job_;
  std::mutex mutex_;
  Class own_;
  Class told_;
  std::multiset<TimePoint> requests_;  // by their deadlines
};

}  // namespace raceway::engine::load
