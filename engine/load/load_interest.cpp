#include "engine/load/load_interest.h"

#include <algorithm>

namespace raceway::engine::load {

LoadInterest::Request::Request(LoadInterest& interest, TimePoint deadline)
    : interest_(interest), deadline_(deadline) {
  const std::lock_guard lock(interest_.mutex_);
  interest_.requests_.insert(deadline_);
  interest_.Tell();
}

LoadInterest::Request::~Request() {
  const std::lock_guard lock(interest_.mutex_);
  interest_.requests_.erase(interest_.requests_.find(deadline_));
  interest_.Tell();
}

LoadInterest::Request LoadInterest::Enter(const CancelToken& cancel) {
  return Request(*this, cancel.deadline().value_or(TimePoint::max()));
}

void LoadInterest::Raise(Urgency urgency, TimePoint deadline) {
  const std::lock_guard lock(mutex_);
  own_ = {std::min(own_.urgency, urgency), std::min(own_.deadline, deadline)};
  Tell();
}

void LoadInterest::Tell() {
  Class wanted = own_;
  if (!requests_.empty()) {
    wanted.urgency = std::min(wanted.urgency, Urgency::kNear);
    wanted.deadline = std::min(wanted.deadline, *requests_.begin());
  }
  if (wanted == told_) return;
  told_ = wanted;
  reclass_(wanted.urgency, wanted.deadline);
}

}  // namespace raceway::engine::load
