#include "engine/load/load_perfetto.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/chrome_trace.h"

namespace raceway::engine::load {
namespace {

using Json = nlohmann::ordered_json;

double Milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

std::string_view NameOf(Urgency urgency) {
  switch (urgency) {
    case Urgency::kUrgent: return "urgent";
    case Urgency::kNear: return "near";
    case Urgency::kBulk: return "bulk";
    case Urgency::kPrewarm: return "prewarm";
  }
  return "";
}

/// "chunk 3", "storage 7", "aten::linear", "scan"
std::string NameOf(const LoadEvent& event) {
  if (!event.name.empty()) return event.name;
  if (event.chunk >= 0) return "chunk " + std::to_string(event.chunk);
  if (event.storage >= 0) return "storage " + std::to_string(event.storage);
  return std::string(NameOf(event.lane));
}

Json LanesAsJson(const LoadFigures& figures) {
  Json lanes = Json::object();
  for (size_t i = 0; i < kNumLanes; ++i) {
    const LaneFigures& lane = figures.lanes[i];
    if (lane.num_units == 0) continue;
    lanes[std::string(NameOf(static_cast<Lane>(i)))] = {{"units", lane.num_units},
                                                        {"busy_ms", Milliseconds(lane.busy)},
                                                        {"working_ms", Milliseconds(lane.working)},
                                                        {"waiting_ms", Milliseconds(lane.waiting)},
                                                        {"bytes", lane.num_bytes}};
  }
  return lanes;
}

}  // namespace

Json ArgumentsOf(const LoadEvent& event) {
  Json arguments = Json::object();
  if (event.num_bytes > 0) arguments["bytes"] = event.num_bytes;
  if (event.chunk >= 0) arguments["chunk"] = event.chunk;
  if (event.storage >= 0) arguments["storage"] = event.storage;
  if (event.lane == Lane::kRetrieve) {
    arguments["class"] = NameOf(event.urgency);
    arguments["from"] = event.was_cached ? "page cache" : "disk";
  }
  for (const StorageUse& use : event.reads) {
    arguments["storages"].push_back(use.storage);
    arguments["storage_bytes"].push_back(use.num_bytes);
  }
  return arguments;
}

Json FiguresAsJson(const LoadReport& report) {
  const LoadFigures& figures = report.figures;
  Json json = {{"answer_ms", Milliseconds(figures.total)}, {"limit_ms", nullptr}, {"eta", nullptr}};
  if (report.limit) {
    json["limit_ms"] = Milliseconds(report.limit->time);
    json["eta"] = report.eta();
  }
  json["utilisation"] = figures.utilisation;
  json["overlap"] = figures.overlap;
  json["wait_ms"] = Milliseconds(figures.gate_wait());
  json["bytes"] = figures.num_bytes;
  json["cached_bytes"] = figures.num_cached_bytes;
  json["bytes_per_second"] = figures.bytes_per_second;
  json["lanes"] = LanesAsJson(figures);
  return json;
}

std::string PerfettoText(const LoadReport& report) {
  const LoadTrace& trace = report.trace;
  ChromeTrace chrome;
  chrome.NameProcess(report.title);
  int64_t thread = 0;
  for (const TraceRow& row : RowsOf(trace)) {
    ++thread;
    chrome.NameThread(thread, row.name, /*place=*/thread);
    for (const size_t index : row.events) {
      const LoadEvent& event = trace.events[index];
      chrome.AddSpan({.name = NameOf(event),
                      .category = NameOf(event.lane),
                      .thread = thread,
                      .begin = event.begin - trace.begin,
                      .end = event.end - trace.begin,
                      .arguments = ArgumentsOf(event)});
    }
  }
  Json facts = {{"title", report.title}};
  facts.update(FiguresAsJson(report));
  chrome.SetFacts(std::move(facts));
  return std::move(chrome).Text();
}

}  // namespace raceway::engine::load
