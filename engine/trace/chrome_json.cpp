// Requests and their waiting are asynchronous spans, what threads do are spans of theirs.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "engine/chrome_trace.h"
#include "engine/load/load_perfetto.h"
#include "engine/load/load_trace.h"
#include "engine/trace/tracer.h"

namespace raceway::engine {
namespace {

using Kind = TraceEvent::Kind;

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

ChromeTrace::Json ArgumentsOf(const TraceEvent& event) {
  ChromeTrace::Json args = {{"request", event.request}};
  if (event.num_rows >= 0) args["rows"] = event.num_rows;
  if (event.kind == Kind::kRequest && !event.text.empty()) args["error"] = event.text;
  return args;
}

void Add(ChromeTrace& trace, const TraceEvent& event, int64_t thread, TraceEvent::Time start) {
  ChromeTrace::Span span = {.name = NameOf(event),
                            .category = CategoryOf(event.kind),
                            .thread = thread,
                            .begin = event.begin - start,
                            .end = event.end - start,
                            .arguments = ArgumentsOf(event)};
  const bool is_request = event.kind == Kind::kRequest;
  if (!is_request && event.kind != Kind::kQueue) return trace.AddSpan(std::move(span));
  // Stages of a request may wait side by side: each has an id of its own.
  trace.AddAsyncSpan(std::move(span), std::to_string(event.request) +
                                          (is_request ? "" : "." + std::to_string(event.stage)));
}

/// Of what overlaps: chunks are read side by side. `number`: of the event, which is its id.
void Add(ChromeTrace& trace, const std::string& model, const load::LoadEvent& event, size_t number,
         TraceEvent::Time start) {
  trace.AddAsyncSpan({.name = std::string(load::NameOf(event.lane)) + " " + model,
                      .category = "load",
                      .begin = event.begin - start,
                      .end = event.end - start,
                      .arguments = load::ArgumentsOf(event)},
                     "load." + std::to_string(number));
}

}  // namespace

std::string Tracer::ToChromeJson() const {
  const std::lock_guard lock(mutex_);
  TraceEvent::Time start = TraceEvent::Time::max();
  for (const auto& [id, thread] : threads_) {
    for (const TraceEvent& event : thread->events) start = std::min(start, event.begin);
  }
  for (const Load& load : loads_) start = std::min(start, load.event.begin);
  ChromeTrace trace;
  trace.NameProcess("raceway");
  for (const auto& [id, thread] : threads_) {
    trace.NameThread(thread->number, "raceway " + std::to_string(thread->number));
    for (const TraceEvent& event : thread->events) Add(trace, event, thread->number, start);
  }
  for (size_t i = 0; i < loads_.size(); ++i) {
    Add(trace, loads_[i].model, loads_[i].event, i, start);
  }
  return std::move(trace).Text();
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
