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

double Microseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

Json ArgumentsOf(const TraceEvent& event) {
  Json args = {{"request", event.request}};
  if (event.num_rows >= 0) args["rows"] = event.num_rows;
  if (event.kind == Kind::kRequest && !event.text.empty()) args["error"] = event.text;
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
    json["ph"] = "b";
    json["args"] = ArgumentsOf(event);
    events_.push_back(json);
    json["ph"] = "e";
    json["ts"] = Microseconds(event.end - start_);
    events_.push_back(std::move(json));
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
  Writer writer(start);
  writer.AddName("process_name", 0, "raceway");
  for (const auto& [id, thread] : threads_) {
    writer.AddName("thread_name", thread->number, "raceway " + std::to_string(thread->number));
    for (const TraceEvent& event : thread->events) writer.Add(event, thread->number);
  }
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
