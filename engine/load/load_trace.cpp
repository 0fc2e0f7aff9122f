#include "engine/load/load_trace.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace raceway::engine::load {
namespace {

using std::chrono::nanoseconds;

struct Interval {
  TimePoint begin;
  TimePoint end;
};

double Seconds(nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// How long at least one of them lasts.
nanoseconds LengthOfUnion(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  nanoseconds length = {};
  TimePoint reached = TimePoint::min();
  for (const Interval& interval : intervals) {
    const TimePoint begin = std::max(interval.begin, reached);
    if (interval.end <= begin) continue;
    length += interval.end - begin;
    reached = interval.end;
  }
  return length;
}

bool BeginsBefore(const LoadEvent& a, const LoadEvent& b) { return a.begin < b.begin; }

/// Those within the trace, cut to it, in the order of their beginning.
std::vector<LoadEvent> WithinOf(const LoadTrace& trace) {
  std::vector<LoadEvent> events;
  for (const LoadEvent& event : trace.events) {
    if (event.end < trace.begin || event.begin > trace.end) continue;
    events.push_back(event);
    events.back().begin = std::max(event.begin, trace.begin);
    events.back().end = std::min(event.end, trace.end);
  }
  std::stable_sort(events.begin(), events.end(), BeginsBefore);
  return events;
}

LaneFigures FiguresOfLane(const std::vector<LoadEvent>& events, Lane lane) {
  LaneFigures figures;
  std::vector<Interval> intervals;
  TimePoint reached = TimePoint::max();
  for (const LoadEvent& event : events) {
    if (event.lane != lane) continue;
    ++figures.num_units;
    figures.working += event.end - event.begin;
    figures.num_bytes += event.num_bytes;
    if (event.begin > reached) figures.waiting += event.begin - reached;
    reached = intervals.empty() ? event.end : std::max(reached, event.end);
    intervals.push_back({event.begin, event.end});
  }
  figures.busy = LengthOfUnion(std::move(intervals));
  return figures;
}

}  // namespace

std::string_view NameOf(Lane lane) {
  switch (lane) {
    case Lane::kScan: return "scan";
    case Lane::kRetrieve: return "retrieve";
    case Lane::kVerify: return "verify";
    case Lane::kCopy: return "copy";
    case Lane::kApply: return "apply";
    case Lane::kExecute: return "execute";
    case Lane::kWait: return "wait";
  }
  return "";
}

struct LoadRecorder::Events {
  std::mutex mutex;
  std::vector<LoadEvent> list;
};

LoadRecorder::LoadRecorder() : events_(std::make_shared<Events>()) {}

LoadEventSink LoadRecorder::Sink() const {
  return [events = events_](const LoadEvent& event) noexcept {
    try {
      const std::lock_guard lock(events->mutex);
      events->list.push_back(event);
    } catch (...) {  // without memory the trace has a gap, the load goes on
    }
  };
}

std::vector<LoadEvent> LoadRecorder::Take() {
  std::vector<LoadEvent> taken;
  {
    const std::lock_guard lock(events_->mutex);
    taken.swap(events_->list);
  }
  std::stable_sort(taken.begin(), taken.end(), BeginsBefore);
  return taken;
}

LoadFigures FiguresOf(const LoadTrace& trace) {
  LoadFigures figures;
  figures.total = trace.end - trace.begin;
  const std::vector<LoadEvent> events = WithinOf(trace);
  nanoseconds busy = {};
  for (size_t i = 0; i < kNumLanes; ++i) {
    figures.lanes[i] = FiguresOfLane(events, static_cast<Lane>(i));
    if (static_cast<Lane>(i) != Lane::kWait) busy += figures.lanes[i].busy;
  }
  std::vector<Interval> active;
  for (const LoadEvent& event : events) {
    if (event.lane != Lane::kWait) active.push_back({event.begin, event.end});
    if (event.lane == Lane::kRetrieve && event.was_cached) {
      figures.num_cached_bytes += event.num_bytes;
    }
  }
  if (figures.total.count() > 0) {
    figures.utilisation = Seconds(LengthOfUnion(std::move(active))) / Seconds(figures.total);
    figures.overlap = Seconds(busy) / Seconds(figures.total);
  }
  const LaneFigures& reads = figures.of(Lane::kRetrieve);
  figures.num_bytes = reads.num_bytes;
  if (reads.busy.count() > 0) {
    figures.bytes_per_second = static_cast<double>(reads.num_bytes) / Seconds(reads.busy);
  }
  return figures;
}

std::vector<TraceRow> RowsOf(const LoadTrace& trace) {
  std::vector<size_t> order(trace.events.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return BeginsBefore(trace.events[a], trace.events[b]);
  });
  std::vector<TraceRow> rows;
  for (size_t i = 0; i < kNumLanes; ++i) {
    const auto lane = static_cast<Lane>(i);
    const size_t first = rows.size();
    for (const size_t event : order) {
      if (trace.events[event].lane != lane) continue;
      const auto row =
          std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(first), rows.end(),
                       [&](const TraceRow& other) {
                         return trace.events[other.events.back()].end <= trace.events[event].begin;
                       });
      if (row == rows.end()) {
        rows.push_back({lane, {}, {event}});
      } else {
        row->events.push_back(event);
      }
    }
    const size_t count = rows.size() - first;
    for (size_t row = first; row < rows.size(); ++row) {
      rows[row].name = NameOf(lane);
      if (count > 1) rows[row].name += " " + std::to_string(row - first + 1);
    }
  }
  return rows;
}

}  // namespace raceway::engine::load
