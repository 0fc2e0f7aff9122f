#include "engine/schedule/race_room.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace raceway::engine::schedule {

RunId RaceRoom::StartFirst(RaceId race, std::shared_ptr<const Distribution> times, TimePoint now) {
  --num_free_;
  runs_.push_back({RunId{next_id_++}, race, now, std::move(times)});
  return runs_.back().id;
}

std::optional<RunId> RaceRoom::StartCopy(RaceId race, TimePoint now) {
  if (num_free_ <= 0) return std::nullopt;
  const auto other =
      std::find_if(runs_.begin(), runs_.end(), [race](const Run& run) { return run.race == race; });
  if (other == runs_.end()) return std::nullopt;
  return StartFirst(race, other->times, now);
}

void RaceRoom::End(RunId run) {
  num_free_ += static_cast<int>(std::erase_if(runs_, [run](const Run& r) { return r.id == run; }));
}

std::optional<RunId> RaceRoom::GiveUp(TimePoint now) {
  // Of equals the younger one: it has done less.
  const auto rest = [now](const Run& run) {
    const double age = std::chrono::duration<double>(now - run.since).count();
    return std::pair(
        run.times->is_known() ? run.times->MeanRest(age) : std::numeric_limits<double>::infinity(),
        run.since);
  };
  const Run* last = nullptr;
  for (const Run& run : runs_) {
    const bool has_better = std::any_of(runs_.begin(), runs_.end(), [&](const Run& other) {
      return other.race == run.race && other.id != run.id &&
             std::pair(rest(other), other.id) < std::pair(rest(run), run.id);
    });
    if (has_better && (last == nullptr || rest(*last) < rest(run))) last = &run;
  }
  if (last == nullptr) return std::nullopt;
  const RunId given_up = last->id;
  End(given_up);
  return given_up;
}

}  // namespace raceway::engine::schedule
