#include "tools/raceway/test_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

namespace raceway::tools {
namespace {

using Json = nlohmann::ordered_json;
using Outcome = TestedCase::Outcome;

std::string_view NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed: return "passed";
    case Outcome::kFailed: return "failed";
    case Outcome::kUpdated: return "updated";
    case Outcome::kBroken: return "broken";
    case Outcome::kLacking: return "lacking";
  }
  return "failed";
}

bool IsFine(Outcome outcome) { return outcome == Outcome::kPassed || outcome == Outcome::kUpdated; }

double SecondsOf(const TestedCase& test) {
  return std::chrono::duration<double>(test.result.duration).count();
}

std::string PlaceOf(const TestedFile& file, dsl::SourceRange where) {
  const dsl::Source& source = file.sources.Of(where);
  const dsl::Position position = source.PositionOf(where.begin);
  return source.name() + ":" + std::to_string(position.line) + ":" +
         std::to_string(position.column);
}

/// What is written there, on one line.
std::string TextAt(const TestedFile& file, dsl::SourceRange where) {
  std::string text(file.sources.Of(where).Text(where));
  std::string line;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!is_space) line += c;
    if (is_space && !line.empty() && line.back() != ' ') line += ' ';
  }
  constexpr size_t kMaxText = 160;
  if (line.size() <= kMaxText) return line;
  size_t end = kMaxText;
  while ((static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  return line.substr(0, end) + "…";
}

std::string FailureText(const TestedFile& file, const TestFailure& failure,
                        const std::string& indent) {
  std::string text = indent + PlaceOf(file, failure.where) + ": " + failure.message + "\n";
  if (!failure.parts.empty() || !failure.differences.empty()) {
    text += indent + "  " + TextAt(file, failure.where) + "\n";
  }
  size_t width = 0;
  for (const auto& [part, value] : failure.parts) width = std::max(width, part.size());
  for (const auto& [part, value] : failure.parts) {
    text += indent + "    " + part + std::string(width - part.size(), ' ') + "  " + value + "\n";
  }
  for (const std::string& difference : failure.differences) {
    text += indent + "    " + difference + "\n";
  }
  return text;
}

std::string TimeText(const TestedCase& test) {
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.0f ms", SecondsOf(test) * 1000);
  return buffer.data();
}

std::string Xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\n')
      out += "&#10;";
    else if (byte >= 0x20 || c == '\t')
      out += c;
  }
  return out;
}

std::string SecondsText(double seconds) {
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.6f", seconds);
  return buffer.data();
}

std::string CaseAsJUnit(const TestedFile& file, const TestedCase& test) {
  std::string text = "    <testcase name=\"" + Xml(test.title) + "\" classname=\"" +
                     Xml(file.name) + "\" time=\"" + SecondsText(SecondsOf(test)) + "\"";
  if (IsFine(test.outcome)) return text + "/>\n";
  const bool is_failure = test.outcome == Outcome::kFailed;
  const std::string tag = is_failure ? "failure" : "error";
  std::string why = test.outcome == Outcome::kBroken ? "the test has mistakes" : "";
  for (const TestFailure& failure : test.result.failures) why += FailureText(file, failure, "");
  const std::string first = why.substr(0, why.find('\n'));
  return text + ">\n      <" + tag + " message=\"" + Xml(first) + "\">" + Xml(why) + "</" + tag +
         ">\n    </testcase>\n";
}

}  // namespace

std::string TestReport(const TestedFile& file, bool color) {
  std::string text = file.name + "\n";
  for (const TestedCase& test : file.tests) {
    const bool is_fine = IsFine(test.outcome);
    std::string outcome(NameOf(test.outcome));
    outcome.resize(std::max<size_t>(outcome.size(), 7), ' ');
    if (color) outcome = (is_fine ? "\033[32m" : "\033[1;31m") + outcome + "\033[0m";
    text += "  " + outcome + "  " + test.title;
    if (test.outcome != Outcome::kBroken) text += "  (" + TimeText(test) + ")";
    text += "\n";
    if (test.outcome == Outcome::kUpdated) continue;
    for (const TestFailure& failure : test.result.failures) {
      text += FailureText(file, failure, "    ");
    }
  }
  return text;
}

std::string TestSummary(const std::vector<TestedFile>& files) {
  std::map<Outcome, int> counts;
  int count = 0;
  int wrong = 0;
  for (const TestedFile& file : files) {
    wrong += file.is_wrong ? 1 : 0;
    for (const TestedCase& test : file.tests) ++counts[test.outcome], ++count;
  }
  std::string text = std::to_string(count) + (count == 1 ? " test" : " tests");
  std::string separator = ": ";
  for (const auto& [outcome, number] : counts) {
    text += separator + std::to_string(number) + " " + std::string(NameOf(outcome));
    separator = ", ";
  }
  if (wrong > 0) {
    text += "; " + std::to_string(wrong) + (wrong == 1 ? " file has" : " files have") +
            " mistakes, its tests were not run";
  }
  return text;
}

std::string TestReportAsJson(const std::vector<TestedFile>& files) {
  Json out;
  bool is_fine = true;
  out["ok"] = true;
  out["files"] = Json::array();
  for (const TestedFile& file : files) {
    Json json_file = {{"file", file.name}, {"diagnostics", Json::parse(file.diagnostics)}};
    json_file["tests"] = Json::array();
    is_fine &= !file.is_wrong;
    for (const TestedCase& test : file.tests) {
      is_fine &= IsFine(test.outcome);
      Json json_test = {{"title", test.title},
                        {"outcome", NameOf(test.outcome)},
                        {"seconds", SecondsOf(test)},
                        {"failures", Json::array()}};
      for (const TestFailure& failure : test.result.failures) {
        const dsl::Source& source = file.sources.Of(failure.where);
        const dsl::Position position = source.PositionOf(failure.where.begin);
        Json parts = Json::object();
        for (const auto& [part, value] : failure.parts) parts[part] = value;
        json_test["failures"].push_back({{"file", source.name()},
                                         {"line", position.line},
                                         {"column", position.column},
                                         {"message", failure.message},
                                         {"text", TextAt(file, failure.where)},
                                         {"parts", std::move(parts)},
                                         {"differences", failure.differences}});
      }
      json_file["tests"].push_back(std::move(json_test));
    }
    out["files"].push_back(std::move(json_file));
  }
  out["ok"] = is_fine;
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string TestReportAsJUnit(const std::vector<TestedFile>& files) {
  std::string suites;
  for (const TestedFile& file : files) {
    std::string cases;
    double seconds = 0;
    size_t failures = 0;
    size_t errors = file.is_wrong ? 1 : 0;
    if (file.is_wrong) {
      cases += "    <testcase name=\"the file\" classname=\"" + Xml(file.name) +
               "\">\n      <error message=\"the flows have mistakes\"/>\n    </testcase>\n";
    }
    for (const TestedCase& test : file.tests) {
      seconds += SecondsOf(test);
      failures += test.outcome == Outcome::kFailed ? 1 : 0;
      errors += !IsFine(test.outcome) && test.outcome != Outcome::kFailed ? 1 : 0;
      cases += CaseAsJUnit(file, test);
    }
    const size_t count = file.tests.size() + (file.is_wrong ? 1 : 0);
    suites += "  <testsuite name=\"" + Xml(file.name) + "\" tests=\"" + std::to_string(count) +
              "\" failures=\"" + std::to_string(failures) + "\" errors=\"" +
              std::to_string(errors) + "\" time=\"" + SecondsText(seconds) + "\">\n" + cases +
              "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n" + suites + "</testsuites>\n";
}

}  // namespace raceway::tools
