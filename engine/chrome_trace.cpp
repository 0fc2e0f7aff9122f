// Asynchronous spans are pairs of events ("b" and "e") with one id, spans of a thread one event
// with a duration ("X"). Times are microseconds.
#include "engine/chrome_trace.h"

#include <utility>

namespace raceway::engine {
namespace {

using Json = ChromeTrace::Json;

constexpr int kProcess = 1;

double Microseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

Json EventOf(const ChromeTrace::Span& span, const char* phase) {
  return {{"name", span.name}, {"cat", span.category}, {"ph", phase},
          {"pid", kProcess},   {"tid", span.thread},   {"ts", Microseconds(span.begin)}};
}

}  // namespace

void ChromeTrace::AddSpan(Span span) {
  Json event = EventOf(span, "X");
  event["dur"] = Microseconds(span.end - span.begin);
  event["args"] = std::move(span.arguments);
  events_.push_back(std::move(event));
}

void ChromeTrace::AddAsyncSpan(Span span, const std::string& id) {
  Json event = EventOf(span, "b");
  event["id"] = id;
  event["args"] = std::move(span.arguments);
  events_.push_back(event);
  event["ph"] = "e";
  event["ts"] = Microseconds(span.end);
  events_.push_back(std::move(event));
}

void ChromeTrace::NameProcess(const std::string& name) {
  AddFact("process_name", 0, {{"name", name}});
}

void ChromeTrace::NameThread(int64_t thread, const std::string& name, int64_t place) {
  AddFact("thread_name", thread, {{"name", name}});
  if (place >= 0) AddFact("thread_sort_index", thread, {{"sort_index", place}});
}

void ChromeTrace::AddFact(const char* what, int64_t thread, Json arguments) {
  events_.push_back({{"name", what},
                     {"ph", "M"},
                     {"pid", kProcess},
                     {"tid", thread},
                     {"args", std::move(arguments)}});
}

std::string ChromeTrace::Text() && {
  Json trace = {{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events_)}};
  if (!facts_.is_null()) trace["otherData"] = std::move(facts_);
  return trace.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace raceway::engine
