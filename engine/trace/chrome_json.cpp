// The format: "Trace Event Format" of Chrome, which Perfetto reads as well. Asynchronous spans are
// pairs of events ("b" and "e") with one id, spans of a thread one event with a duration ("X").
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/trace/tracer.h"

namespace raceway::engine {
namespace {

using Json = nlohmann::ordered_json;
using Kind = TraceEvent::Kind;

constexpr int kProcess = 1;

std::string_view CategoryOf(Kind kind) {
  switch (kind) {
    case Kind::kRequest: return "request";
    case Kind::kQueue: return "queue";
    case Kind::kCopy: return "copy";
    case Kind::kRun: return "run";
    case Kind::kPass: return "pass";
    case Kind::kOperator: return "operator";
  }
  return "";
}

std::string NameOf(const TraceEvent& event) {
  if (event.kind == Kind::kRequest) return event.flow->name;
  if (event.kind == Kind::kOperator) return event.text;
  const std::string& stage = event.flow->stages[static_cast<size_t>(event.stage)];
  switch (event.kind) {
    case Kind::kQueue: return "queue " + stage;
    case Kind::kCopy: return "copy " + stage;
    case Kind::kPass: return "pass " + stage;
    default: return stage;
  }
}

std::string_view NameOf(load::Lane lane) {
  switch (lane) {
    case load::Lane::kScan: return "scan";
    case load::Lane::kRetrieve: return "retrieve";
    case load::Lane::kVerify: return "verify";
    case load::Lane::kCopy: return "copy";
    case load::Lane::kApply: return "apply";
    case load::Lane::kExecute: return "execute";
    case load::Lane::kWait: return "wait";
  }
  return "";
}

std::string_view NameOf(load::Urgency urgency) {
  switch (urgency) {
    case load::Urgency::kUrgent: return "urgent";
    case load::Urgency::kNear: return "near";
    case load::Urgency::kBulk: return "bulk";
    case load::Urgency::kPrewarm: return "prewarm";
  }
  return "";
}

double Microseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

Json ArgumentsOf(const TraceEvent& event) {
  Json args = {{"request", event.request}};
  if (event.num_rows >= 0) args["rows"] = event.num_rows;
  if (event.kind == Kind::kRequest && !event.text.empty()) args["error"] = event.text;
  return args;
}

Json ArgumentsOf(const load::LoadEvent& event) {
  Json args = {{"bytes", event.num_bytes}};
  if (event.chunk >= 0) args["chunk"] = event.chunk;
  if (event.storage >= 0) args["storage"] = event.storage;
  if (event.lane == load::Lane::kRetrieve) {
    args["class"] = NameOf(event.urgency);
    args["cached"] = event.was_cached;
  }
  return args;
}

class Writer {
 public:
  explicit Writer(TraceEvent::Time start) : start_(start) {}

  void Add(const TraceEvent& event, int64_t thread) {
    Json json = {{"name", NameOf(event)},
                 {"cat", CategoryOf(event.kind)},
                 {"ph", "X"},
                 {"pid", kProcess},
                 {"tid", thread},
                 {"ts", Microseconds(event.begin - start_)}};
    const bool is_request = event.kind == Kind::kRequest;
    if (!is_request && event.kind != Kind::kQueue) {
      json["dur"] = Microseconds(event.end - event.begin);
      json["args"] = ArgumentsOf(event);
      events_.push_back(std::move(json));
      return;
    }
    // Stages of a request may wait side by side: each has an id of its own.
    json["id"] =
        std::to_string(event.request) + (is_request ? "" : "." + std::to_string(event.stage));
    json["args"] = ArgumentsOf(event);
    AddSpan(std::move(json), event.end);
  }
  /// Of what overlaps: chunks are read side by side. `number`: of the event, which is its id.
  void AddLoad(const std::string& model, const load::LoadEvent& event, size_t number) {
    AddSpan({{"name", std::string(NameOf(event.lane)) + " " + model},
             {"cat", "load"},
             {"pid", kProcess},
             {"tid", 0},
             {"ts", Microseconds(event.begin - start_)},
             {"id", "load." + std::to_string(number)},
             {"args", ArgumentsOf(event)}},
            event.end);
  }
  void AddName(const char* what, int64_t thread, const std::string& name) {
    events_.push_back({{"name", what},
                       {"ph", "M"},
                       {"pid", kProcess},
                       {"tid", thread},
                       {"args", {{"name", name}}}});
  }
  std::string Text() && {
    // A stage's name may be anything; what is no UTF-8 is replaced.
    return Json{{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events_)}}.dump(
        -1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  void AddSpan(Json begin, TraceEvent::Time end) {
    begin["ph"] = "b";
    events_.push_back(begin);
    begin["ph"] = "e";
    begin["ts"] = Microseconds(end - start_);
    events_.push_back(std::move(begin));
  }

  const TraceEvent::Time start_;
  Json events_ = Json::array();
};

}  // namespace

std::string Tracer::ToChromeJson() const {
  const std::lock_guard lock(mutex_);
  TraceEvent::Time start = TraceEvent::Time::max();
  for (const auto& [id, thread] : threads_) {
    for (const TraceEvent& event : thread->events) start = std::min(start, event.begin);
  }
  for (const Load& load : loads_) start = std::min(start, load.event.begin);
  Writer writer(start);
  writer.AddName("process_name", 0, "raceway");
  for (const auto& [id, thread] : threads_) {
    writer.AddName("thread_name", thread->number, "raceway " + std::to_string(thread->number));
    for (const TraceEvent& event : thread->events) writer.Add(event, thread->number);
  }
  for (size_t i = 0; i < loads_.size(); ++i) writer.AddLoad(loads_[i].model, loads_[i].event, i);
  return std::move(writer).Text();
}

Status Tracer::Write(const std::string& file) const {
  errno = 0;
  std::ofstream out(file, std::ios::binary);
  out << ToChromeJson() << "\n";
  out.close();
  if (out) return Done{};
  return Error{.code = ErrorCode::kUnavailable,
               .message = "cannot write the trace to " + file + ": " + std::strerror(errno)};
}

}  // namespace raceway::engine
