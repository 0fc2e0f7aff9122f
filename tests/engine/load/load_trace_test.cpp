// What is made of a trace: figures, JSON, a picture. The traces are texts, a line for each event:
//
//     retrieve 0.5 2.5 chunk=0 bytes=1000000 class=near
//
#include "engine/load/load_trace.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "engine/load/load_gantt.h"
#include "engine/load/load_perfetto.h"
#include "tests/support/golden.h"

namespace raceway::engine::load {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

const TimePoint kStart = TimePoint() + 1h;

std::chrono::nanoseconds FromMs(double ms) {
  return std::chrono::nanoseconds(static_cast<int64_t>(std::llround(ms * 1e6)));
}

Lane LaneNamed(const std::string& name) {
  for (size_t i = 0; i < kNumLanes; ++i) {
    if (NameOf(static_cast<Lane>(i)) == name) return static_cast<Lane>(i);
  }
  throw std::runtime_error("no lane " + name);
}

void Set(LoadEvent& event, const std::string& key, const std::string& value) {
  static const std::map<std::string, Urgency> kClasses = {{"urgent", Urgency::kUrgent},
                                                          {"near", Urgency::kNear},
                                                          {"bulk", Urgency::kBulk},
                                                          {"prewarm", Urgency::kPrewarm}};
  if (key == "name") event.name = value;
  if (key == "chunk") event.chunk = std::stoi(value);
  if (key == "storage") event.storage = std::stoi(value);
  if (key == "bytes") event.num_bytes = std::stoull(value);
  if (key == "class") event.urgency = kClasses.at(value);
  if (key == "cached") event.was_cached = value == "yes";
  if (key == "reads") {  // storage:bytes
    const size_t colon = value.find(':');
    event.reads.push_back({std::stoi(value), std::stoull(value.substr(colon + 1))});
  }
}

/// `rate` is that of the disk, in bytes per second; with it there is a limit.
LoadReport ReportOf(const std::string& text) {
  LoadReport report;
  report.trace.begin = kStart;
  std::optional<double> rate;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "title") {
      report.title = line.substr(6);
    } else if (first == "answer") {
      double at = 0;
      words >> at;
      report.trace.end = kStart + FromMs(at);
    } else if (first == "rate") {
      words >> rate.emplace();
    } else {
      double begin = 0;
      double end = 0;
      words >> begin >> end;
      LoadEvent event = {
          .lane = LaneNamed(first), .begin = kStart + FromMs(begin), .end = kStart + FromMs(end)};
      for (std::string word; words >> word;) {
        const size_t equals = word.find('=');
        Set(event, word.substr(0, equals), word.substr(equals + 1));
      }
      report.trace.events.push_back(event);
    }
  }
  report.figures = FiguresOf(report.trace);
  if (rate) report.limit = LimitOf(StepsOf(report.trace.events), LoadRates{.read = *rate});
  return report;
}

/// An event a line.
std::string Broken(std::string json) {
  for (size_t at = 0; (at = json.find("},{\"name\"", at)) != std::string::npos;) {
    json.insert(at + 2, "\n");
  }
  const size_t facts = json.find("],\"otherData\"");
  if (facts != std::string::npos) json.insert(facts + 2, "\n");
  return json + "\n";
}

class LoadTraceGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(LoadTraceGoldenTest, Figures) {
  tests::CheckGolden(GetParam(), "figures", [](const std::string&, const std::string& text) {
    return FiguresAsJson(ReportOf(text)).dump(1) + "\n";
  });
}

TEST_P(LoadTraceGoldenTest, Perfetto) {
  tests::CheckGolden(GetParam(), "perfetto", [](const std::string&, const std::string& text) {
    return Broken(PerfettoText(ReportOf(text)));
  });
}

TEST_P(LoadTraceGoldenTest, Gantt) {
  tests::CheckGolden(GetParam(), "gantt", [](const std::string&, const std::string& text) {
    return GanttSvg(ReportOf(text));
  });
}

INSTANTIATE_TEST_SUITE_P(Files, LoadTraceGoldenTest,
                         ::testing::ValuesIn(tests::GoldenFiles(RACEWAY_TRACES, "figures")),
                         tests::GoldenName);

TEST(LoadFiguresTest, WhatLiesOutsideDoesNotCount) {
  const LoadFigures figures = FiguresOf(ReportOf("answer 10\n"
                                                 "scan -5 -1\n"
                                                 "retrieve -2 4 bytes=10\n"
                                                 "retrieve 8 14 bytes=10 cached=yes\n"
                                                 "retrieve 11 12 bytes=10\n")
                                            .trace);
  EXPECT_EQ(figures.of(Lane::kScan).num_units, 0);
  EXPECT_EQ(figures.of(Lane::kRetrieve).num_units, 2);
  EXPECT_EQ(figures.of(Lane::kRetrieve).busy, 6ms);
  EXPECT_EQ(figures.of(Lane::kRetrieve).waiting, 4ms);
  EXPECT_EQ(figures.num_bytes, 20u);
  EXPECT_EQ(figures.num_cached_bytes, 10u);
  EXPECT_DOUBLE_EQ(figures.utilisation, 0.6);
}

TEST(LoadFiguresTest, UnitsSideBySideWaitForNobody) {
  const LoadFigures figures = FiguresOf(ReportOf("answer 10\n"
                                                 "retrieve 0 6\n"
                                                 "retrieve 1 3\n"
                                                 "retrieve 4 5\n"
                                                 "retrieve 8 9\n")
                                            .trace);
  EXPECT_EQ(figures.of(Lane::kRetrieve).working, 10ms);
  EXPECT_EQ(figures.of(Lane::kRetrieve).busy, 7ms);
  EXPECT_EQ(figures.of(Lane::kRetrieve).waiting, 2ms);
}

TEST(LoadFiguresTest, NothingIsNoDivisionByNothing) {
  const LoadFigures figures = FiguresOf({kStart, kStart, {}});
  EXPECT_EQ(figures.utilisation, 0);
  EXPECT_EQ(figures.bytes_per_second, 0);
  EXPECT_EQ(GanttSvg({.title = "", .trace = {kStart, kStart, {}}}).find("nan"), std::string::npos);
}

TEST(LoadRecorderTest, CollectsFromSeveralThreadsAndOutlivesNobody) {
  LoadEventSink late;
  {
    LoadRecorder recorder;
    late = recorder.Sink();
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([sink = recorder.Sink(), i] {
          for (int j = 0; j < 1000; ++j) {
            sink({.begin = kStart + std::chrono::nanoseconds(4 * j + i), .chunk = j});
          }
        });
      }
    }
    const std::vector<LoadEvent> events = recorder.Take();
    ASSERT_EQ(events.size(), 4000u);
    for (size_t i = 1; i < events.size(); ++i) {
      EXPECT_LT(events[i - 1].begin, events[i].begin);
    }
    EXPECT_TRUE(recorder.Take().empty());
  }
  late({});  // a read that nobody waited for
}

TEST(LoadSpanTest, LooksAtNoClockWhereNobodyListens) {
  struct BrokenClock final : Clock {
    TimePoint Now() const override { throw std::runtime_error("looked at"); }
  };
  const BrokenClock clock = {};
  const LoadEventSink nobody;
  EXPECT_NO_THROW(LoadSpan(nobody, clock, {}));
}

/// The length of a union, by a way of its own: small steps.
double Covered(const std::vector<std::pair<double, double>>& spans, double total) {
  int covered = 0;
  const int steps = 20000;
  for (int i = 0; i < steps; ++i) {
    const double at = (i + 0.5) * total / steps;
    for (const auto& [begin, end] : spans) {
      if (begin <= at && at < end) {
        ++covered;
        break;
      }
    }
  }
  return total * covered / steps;
}

TEST(LoadPerfettoTest, TheFiguresFollowFromItsEvents) {
  std::string text = "title random\nanswer 100\nrate 1e9\n";
  const char* const lanes[] = {"scan", "retrieve", "verify", "copy", "apply", "wait"};
  uint64_t state = 7;
  const auto random = [&](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  for (int i = 0; i < 300; ++i) {
    const uint64_t begin = random(95);
    text += std::string(lanes[random(6)]) + " " + std::to_string(begin) + " " +
            std::to_string(begin + random(5)) + " bytes=" + std::to_string(random(1'000'000)) +
            "\n";
  }
  for (int i = 0; i < 80; ++i) {  // one after another
    text += "execute " + std::to_string(i) + " " + std::to_string(i) +
            ".75 reads=" + std::to_string(random(40)) + ":500000\n";
  }
  const Json json = Json::parse(PerfettoText(ReportOf(text)));
  const Json& facts = json["otherData"];
  std::map<std::string, std::vector<std::pair<double, double>>> spans;
  std::vector<std::pair<double, double>> active;
  std::map<std::string, double> working;
  std::map<std::string, uint64_t> bytes;
  std::map<int, double> ends;
  std::vector<UseStep> steps;
  std::map<int, bool> used;
  for (const Json& event : json["traceEvents"]) {
    if (event["ph"] != "X") continue;
    const double begin = event["ts"].get<double>() / 1e3;
    const double end = begin + event["dur"].get<double>() / 1e3;
    double& reached = ends[event["tid"].get<int>()];
    EXPECT_GE(begin, reached) << "two at once in a line";
    reached = end;
    const std::string lane = event["cat"];
    spans[lane].emplace_back(begin, end);
    if (lane != "wait") active.emplace_back(begin, end);
    working[lane] += end - begin;
    bytes[lane] += event["args"].value("bytes", uint64_t{0});
    if (lane != "execute") continue;
    const int storage = event["args"]["storages"][0].get<int>();
    steps.push_back({used[storage] ? 0 : event["args"]["storage_bytes"][0].get<uint64_t>(),
                     FromMs(end - begin)});
    used[storage] = true;
  }
  double busy = 0;
  for (const auto& [lane, list] : spans) {
    const Json& figures = facts["lanes"][lane];
    EXPECT_EQ(figures["units"], list.size());
    EXPECT_NEAR(figures["working_ms"], working[lane], 1e-6);
    EXPECT_NEAR(figures["busy_ms"], Covered(list, 100), 0.02);
    EXPECT_EQ(figures["bytes"], bytes[lane]);
    if (lane != "wait") busy += figures["busy_ms"].get<double>();
  }
  EXPECT_NEAR(facts["utilisation"], Covered(active, 100) / 100, 1e-3);
  EXPECT_NEAR(facts["overlap"], busy / 100, 1e-9);
  EXPECT_NEAR(facts["wait_ms"], working["wait"], 1e-6);
  EXPECT_EQ(facts["bytes"], bytes["retrieve"]);
  const LoadLimit limit = LimitOf(steps, LoadRates{.read = 1e9});
  EXPECT_NEAR(facts["limit_ms"], static_cast<double>(limit.time.count()) / 1e6, 1e-6);
  EXPECT_NEAR(facts["eta"], facts["limit_ms"].get<double>() / 100, 1e-9);
}

}  // namespace
}  // namespace raceway::engine::load
