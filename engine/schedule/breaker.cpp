#include "engine/schedule/breaker.h"

#include <algorithm>
#include <bit>

namespace raceway::engine::schedule {

bool Breaker::Admits(double now) {
  if (!is_open_) return true;
  if (is_probing_ || now < until_) return false;
  is_probing_ = true;
  return true;
}

void Breaker::Note(bool has_failed) {
  failed_ = failed_ << 1 | (has_failed ? 1 : 0);
  num_calls_ = std::min(num_calls_ + 1, 32);
}

void Breaker::Succeeded() {
  if (is_open_) {
    if (!is_probing_) return;  // it began before
    is_open_ = is_probing_ = false;
    pause_ = limits_.pause;
    failed_ = 0;
    num_calls_ = 0;
  }
  Note(false);
}

void Breaker::Failed(double now) {
  if (is_open_) {
    if (!is_probing_) return;
    is_probing_ = false;
    pause_ = std::min(2 * pause_, limits_.longest_pause);
    until_ = now + pause_;
    return;
  }
  Note(true);
  const int num_failed = std::popcount(failed_);
  is_open_ = num_failed >= limits_.fewest && num_failed >= limits_.share * num_calls_;
  until_ = now + pause_;
}

double Breaker::RetryAfter(double now) const {
  if (!is_open_) return 0;
  return is_probing_ ? pause_ : std::max(0.0, until_ - now);
}

}  // namespace raceway::engine::schedule
