#include "engine/load/read_queue.h"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace raceway::engine::load {

LoadId ReadQueue::Add(Urgency urgency, TimePoint deadline, std::vector<uint32_t> chunk_bytes,
                      TimePoint now) {
  const LoadId id{next_id_++};
  std::vector<State> states(chunk_bytes.size(), State::kQueued);
  loads_.emplace(id, Load{urgency, deadline, now, std::move(chunk_bytes), std::move(states)});
  return id;
}

void ReadQueue::Promote(LoadId id, int32_t chunk) {
  const auto load = loads_.find(id);
  if (load == loads_.end()) return;
  if (load->second.states[static_cast<size_t>(chunk)] != State::kDone) {
    load->second.urgent.insert(chunk);
  }
}

void ReadQueue::Reclass(LoadId id, Urgency urgency, TimePoint deadline) {
  const auto load = loads_.find(id);
  if (load == loads_.end()) return;
  load->second.urgency = urgency;
  load->second.deadline = deadline;
}

void ReadQueue::Remove(LoadId id) { loads_.erase(id); }

std::optional<QueuedRead> ReadQueue::Next(TimePoint now) {
  if (in_flight_.size() >= static_cast<size_t>(options_.window)) return std::nullopt;
  PromoteLate(now);
  Loads::iterator load = Starved(now);
  const bool is_rescue = load != loads_.end();
  if (!is_rescue) load = Best();
  if (load == loads_.end()) return std::nullopt;
  const int32_t chunk = FirstUrgent(load->second).value_or(load->second.cursor);
  if (!is_rescue && IsBackground(load->second) &&
      in_flight_.size() >= static_cast<size_t>(options_.background_window)) {
    return std::nullopt;
  }
  // At least one, however large it is.
  const uint32_t num_bytes = load->second.chunk_bytes[static_cast<size_t>(chunk)];
  if (staged_bytes_ > 0 && staged_bytes_ + num_bytes > options_.staged_bytes) return std::nullopt;
  if (is_rescue) last_rescue_ = now;
  return Take(load, chunk, now);
}

QueuedRead ReadQueue::Take(Loads::iterator at, int32_t chunk, TimePoint now) {
  Load& load = at->second;
  const bool is_urgent = load.urgent.count(chunk) > 0;
  const QueuedRead read = {at->first, chunk, load.chunk_bytes[static_cast<size_t>(chunk)],
                           is_urgent ? Urgency::kUrgent : load.urgency};
  load.states[static_cast<size_t>(chunk)] = State::kInFlight;
  while (load.has_queued() && load.states[static_cast<size_t>(load.cursor)] != State::kQueued) {
    ++load.cursor;
  }
  load.served = now;
  staged_bytes_ += read.num_bytes;
  in_flight_bytes_ += read.num_bytes;
  in_flight_.push_back({read, now, in_flight_bytes_, forecast_.Expect(in_flight_bytes_)});
  return read;
}

Urgency ReadQueue::Finish(const QueuedRead& read, TimePoint now) {
  const auto at = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const InFlight& other) {
    return other.read.load == read.load && other.read.chunk == read.chunk;
  });
  assert(at != in_flight_.end());
  forecast_.Note(at->bytes_ahead, read.num_bytes, at->submitted, now);
  in_flight_.erase(at);
  in_flight_bytes_ -= read.num_bytes;
  const auto found = loads_.find(read.load);
  if (found == loads_.end()) return read.urgency;
  Load& load = found->second;
  load.states[static_cast<size_t>(read.chunk)] = State::kDone;
  const bool is_urgent = load.urgent.erase(read.chunk) > 0;
  if (++load.num_done == load.states.size()) loads_.erase(found);
  return is_urgent ? Urgency::kUrgent : read.urgency;
}

void ReadQueue::PromoteLate(TimePoint now) {
  for (const InFlight& read : in_flight_) {
    if (!read.expected || read.read.urgency != Urgency::kNear) continue;
    const auto limit =
        std::chrono::duration_cast<std::chrono::nanoseconds>(*read.expected * options_.late_factor);
    if (now >= read.submitted + limit) Promote(read.read.load, read.read.chunk);
  }
}

ReadQueue::Loads::iterator ReadQueue::Starved(TimePoint now) {
  auto longest = loads_.end();
  if (now - last_rescue_ < options_.patience) return longest;
  for (auto load = loads_.begin(); load != loads_.end(); ++load) {
    if (!load->second.has_queued() || now - load->second.served < options_.patience) continue;
    if (longest == loads_.end() || load->second.served < longest->second.served) longest = load;
  }
  return longest;
}

ReadQueue::Loads::iterator ReadQueue::Best() {
  const bool is_held = std::any_of(loads_.begin(), loads_.end(),
                                   [](const auto& load) { return !load.second.urgent.empty(); });
  auto best = loads_.end();
  const auto key = [](const Load& load) {
    return std::tuple(FirstUrgent(load) ? Urgency::kUrgent : load.urgency, load.deadline);
  };
  for (auto load = loads_.begin(); load != loads_.end(); ++load) {
    if (!load->second.has_queued()) continue;
    if (is_held && load->second.urgent.empty()) continue;
    if (is_held && options_.hold_own && !FirstUrgent(load->second)) continue;
    if (best == loads_.end() || key(load->second) < key(best->second)) best = load;
  }
  return best;
}

bool ReadQueue::IsBackground(const Load& load) {
  return load.urgent.empty() && load.urgency >= Urgency::kBulk;
}

std::optional<int32_t> ReadQueue::FirstUrgent(const Load& load) {
  for (const int32_t chunk : load.urgent) {
    if (load.states[static_cast<size_t>(chunk)] == State::kQueued) return chunk;
  }
  return std::nullopt;
}

}  // namespace raceway::engine::load
