// How long does one wait for the compiler?
//
// For a typical file as a whole process, for a flow of 100 stages, for the largest file there may
// be, and for an editor after each key. The goals are absolute, since what counts is a person's
// patience; the baselines say which part is not the compiler's own: the start of a process, and the
// parser (of which the largest part is ANTLR's).

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "dsl/parse.h"
#include "operators/contracts.h"
#include "tools/bench/process.h"
#include "tools/bench/report.h"

namespace raceway::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Goal Below(double bound) {
  return {.of_ratio = false, .at_most = true, .bound = bound, .is_strict = true};
}

/// A folder of its own for generated files, removed at the end.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "raceway-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      std::cerr << "frontend: cannot make a folder for temporary files\n";
      std::exit(1);
    }
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;

  std::string Write(const std::string& name, const std::string& text) const {
    const fs::path path = path_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

 private:
  fs::path path_;
};

// ---- flows ----

/// 100 stages as written: looks by models, splits, unions and columns between them.
std::string HundredStages() {
  std::string text = "edition 1\n\n";
  std::string body = "  let t0 = rows |> filter(id >= 0) |> derive(note = name)\n";
  constexpr int kRounds = 14;  // of 7 stages each, and two before them
  for (int i = 0; i < kRounds; ++i) {
    const std::string n = std::to_string(i);
    text += "model look_" + n + "(x: f32[16]) -> (score_" + n + ": f32) { source: \"m" + n +
            ".pt\" }\n";
    body += "  let (a" + n + ", b" + n + ") = t" + n + " |> map(look_" + n + ") |> split(score_" +
            n + " > 0.5 and len(note) < 20)\n";
    body += "  let c" + n + " = b" + n + " |> derive(again = f\"{name} again\")\n";
    body += "  let t" + std::to_string(i + 1) + " = union(a" + n +
            " |> select(id, name, x, note), c" + n + " |> select(id, name, x, note = again))\n";
  }
  return text +
         "\nflow f(rows: { id: i64, name: string, x: f32[16] }) -> { id: i64, note: string } {\n" +
         body + "  return t" + std::to_string(kRounds) + " |> select(id, note)\n}\n";
}

/// A flow of 10 lines, as people write them; `i` makes its names its own.
std::string SmallFlow(int i) {
  const std::string n = std::to_string(i);
  return "\n/// Keeps what look_" + n + " is sure of.\n" + "model look_" + n +
         "(x: f32[16]) -> (score: f32) { source: \"models/look_" + n + ".pt\" }\n" +  //
         "flow keep_" + n +
         "(rows: { id: i64, name: string, x: f32[16] }) -> { id: i64, said: string } {\n"
         "  let looked = rows |> map(look_" +
         n +
         ") |> filter(score > 0.25)\n"
         "  let (sure, unsure) = looked |> split(score >= 0.75)\n"
         "  return union(sure |> derive(said = f\"{name} ({score})\"),\n"
         "               unsure |> derive(said = concat(name, \"?\")))\n"
         "    |> select(id, said)\n"
         "}\n";
}

std::string FileOfLines(int num_lines) {
  std::string text = "edition 1\n";
  for (int i = 0; 11 * (i + 1) < num_lines; ++i) text += SmallFlow(i);
  return text;
}

std::string FileOfBytes(size_t most) {
  std::string text = "edition 1\n";
  for (int i = 0;; ++i) {
    const std::string more = SmallFlow(i);
    if (text.size() + more.size() > most) return text;
    text += more;
  }
}

// ---- measures ----

class NoFiles final : public compiler::Files {
 public:
  engine::Result<engine::FileSpec> Describe(const std::string& path) override {
    return engine::FileSpec{path, "", 0};
  }
};

double MillisecondsToParse(const std::string& text) {
  return NanosecondsPer(1, [&] { dsl::Parse(dsl::Source("bench.flow", text)); }) / 1e6;
}

double MillisecondsToCompile(const std::string& text, const engine::Catalog& catalog) {
  size_t num_stages = 0;
  const double milliseconds = NanosecondsPer(1, [&] {
    const dsl::Source source("bench.flow", text);
    NoFiles files;
    const compiler::CompileResult result = compiler::Compile(
        dsl::Parse(source), source, catalog, files, {.flow = "f", .params = {}, .without = {}});
    if (result.physical) num_stages = result.logical->stages.size();
  });
  if (num_stages >= 100) return milliseconds / 1e6;
  std::cerr << "frontend: the flow of 100 stages has " << num_stages << "\n";
  std::exit(1);
}

void MeasureProcess(const std::string& raceway, const Options& options,
                    std::vector<Metric>& metrics) {
  const auto values =
      Interleave(options.quick ? 51 : 201,
                 {[&] {
                    return MillisecondsOf({raceway, "check", "examples/image_cascade.flow"});
                  },
                  [&] { return MillisecondsOf({"/bin/true"}); }});
  metrics.push_back({.name = "check_typical_file",
                     .unit = "ms",
                     .values = values[0],
                     .baselines = values[1],
                     .baseline_name = "a process that does nothing",
                     .goal = Below(15)});
}

void MeasureHundredStages(const Options& options, std::vector<Metric>& metrics) {
  const std::string text = HundredStages();
  engine::Catalog catalog;
  operators::RegisterContracts(catalog);
  const auto values =
      Interleave(options.quick ? 31 : 101, {[&] { return MillisecondsToCompile(text, catalog); },
                                            [&] { return MillisecondsToParse(text); }});
  metrics.push_back({.name = "compile_100_stages",
                     .unit = "ms",
                     .values = values[0],
                     .baselines = values[1],
                     .baseline_name = "its parsing alone",
                     .goal = Below(20)});
}

void MeasureLargestFile(const std::string& raceway, const Folder& folder, const Options& options,
                        std::vector<Metric>& metrics) {
  const std::string text = FileOfBytes(dsl::Source::kMaxBytes);
  const std::string file = folder.Write("large.flow", text);
  const auto values =
      Interleave(options.quick ? 5 : 11, {[&] {
                                            return MillisecondsOf({raceway, "check", file}) / 1e3;
                                          },
                                          [&] { return MillisecondsToParse(text) / 1e3; }});
  metrics.push_back({.name = "check_1MiB",
                     .unit = "s",
                     .values = values[0],
                     .baselines = values[1],
                     .baseline_name = "its parsing alone",
                     .goal = Below(1.5)});
}

// ---- an editor ----

/// The other side of `raceway lsp`.
class Editor {
 public:
  explicit Editor(const std::string& raceway) : server_({raceway, "lsp"}, Process::Io::kTalks) {
    Send({{"id", 0},
          {"method", "initialize"},
          {"params",
           {{"processId", nullptr}, {"rootUri", nullptr}, {"capabilities", Json::object()}}}});
    while (!Receive().contains("result")) {
    }
    Send({{"method", "initialized"}, {"params", Json::object()}});
  }

  void Open(const std::string& text) {
    Send({{"method", "textDocument/didOpen"},
          {"params",
           {{"textDocument",
             {{"uri", kUri}, {"languageId", "raceway"}, {"version", version_}, {"text", text}}}}}});
    AwaitDiagnostics();
  }

  /// Writes `text` over a part of a line; returns when what is wrong then has come.
  void Change(int line, int begin, int end, const std::string& text) {
    const auto at = [&](int character) { return Json{{"line", line}, {"character", character}}; };
    Send({{"method", "textDocument/didChange"},
          {"params",
           {{"textDocument", {{"uri", kUri}, {"version", ++version_}}},
            {"contentChanges",
             {{{"range", {{"start", at(begin)}, {"end", at(end)}}}, {"text", text}}}}}}});
    AwaitDiagnostics();
  }

  size_t num_diagnostics() const { return num_diagnostics_; }

 private:
  static constexpr const char* kUri = "file:///bench.flow";

  void Send(Json message) {
    message["jsonrpc"] = "2.0";
    const std::string text = message.dump();
    server_.Write("Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text);
  }

  Json Receive() {
    size_t length = 0;
    for (std::string line = server_.ReadLine(); line != "\r"; line = server_.ReadLine()) {
      const std::string key = "Content-Length: ";
      if (line.starts_with(key)) length = std::stoul(line.substr(key.size()));
    }
    return Json::parse(server_.Read(length));
  }

  void AwaitDiagnostics() {
    while (true) {
      const Json message = Receive();
      if (message.value("method", "") != "textDocument/publishDiagnostics") continue;
      const Json& params = message.at("params");
      if (params.value("version", version_) != version_) continue;
      num_diagnostics_ = params.at("diagnostics").size();
      return;
    }
  }

  Process server_;
  int version_ = 1;
  size_t num_diagnostics_ = 0;
};

/// In the middle of the file a column's name becomes a wrong one, and right again.
void MeasureEditor(const std::string& raceway, const Options& options,
                   std::vector<Metric>& metrics) {
  const std::string text = FileOfLines(2000);
  Editor editor(raceway);
  editor.Open(text);
  const size_t place = text.find("score > 0.25", text.size() / 2);
  const size_t line_start = text.rfind('\n', place) + 1;
  const auto line = static_cast<int>(
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(line_start), '\n'));
  const auto column = static_cast<int>(place - line_start);
  bool is_right = true;
  const auto change = [&] {
    is_right = !is_right;
    editor.Change(line, column, column + 5, is_right ? "score" : "skore");
    if (is_right == (editor.num_diagnostics() == 0)) return;
    std::cerr << "frontend: the server does not see the mistake\n";
    std::exit(1);
  };
  const auto values = Interleave(
      options.quick ? 41 : 201,
      {[&] { return NanosecondsPer(1, change) / 1e6; }, [&] { return MillisecondsToParse(text); }});
  metrics.push_back({.name = "editor_change_2000_lines",
                     .unit = "ms",
                     .values = values[0],
                     .baselines = values[1],
                     .baseline_name = "parsing all of it",
                     .goal = Below(50)});
}

int Main(int argc, char** argv) {
  const Options options =
      ParseOptions(argc, argv, "frontend: how long does one wait for the compiler?");
  const std::string raceway =
      (fs::read_symlink("/proc/self/exe").parent_path() / "raceway").string();
  const Folder folder;
  std::vector<Metric> metrics;
  MeasureProcess(raceway, options, metrics);
  MeasureHundredStages(options, metrics);
  MeasureLargestFile(raceway, folder, options, metrics);
  MeasureEditor(raceway, options, metrics);
  Print("frontend", metrics, options);
  return 0;
}

}  // namespace
}  // namespace raceway::bench

int main(int argc, char** argv) { return raceway::bench::Main(argc, argv); }
