// `raceway diff`: whether callers of the old flows can call the new ones.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "compiler/interface/interface.h"
#include "operators/contracts.h"
#include "tools/raceway/command.h"
#include "tools/raceway/files.h"

namespace raceway::tools {
namespace {

using compiler::FlowComparison;
using compiler::Interface;
using compiler::InterfaceChange;
using compiler::InterfaceComparison;
using compiler::Verdict;

/// One of the two files.
struct Side {
  std::string file;
  dsl::SourceSet sources;  // of a plan: empty
  Interface interface;
};

bool IsPlan(const std::string& file) { return std::filesystem::path(file).extension() == ".plan"; }

std::optional<Side> ReadPlan(const std::string& file, int& exit_code) {
  const engine::Result<std::string> text = ReadFile(file);
  if (!text.ok()) return exit_code = Fail(kUsage, text.error().message), std::nullopt;
  const engine::Result<engine::PhysicalPlan> plan = engine::PlanFromJson(*text);
  engine::Status valid = engine::Done{};
  if (plan.ok()) valid = engine::Validate(*plan);
  if (!plan.ok() || !valid.ok()) {
    const std::string& why = plan.ok() ? valid.error().message : plan.error().message;
    return exit_code = Fail(kFlowIsWrong, file + ": " + why), std::nullopt;
  }
  return Side{file, {}, compiler::InterfaceOf(*plan)};
}

/// `as_plan`: compiled, to be compared with a plan.
std::optional<Side> ReadFlow(const std::string& file, const DiffOptions& options, bool as_plan,
                             int& exit_code) {
  FlowOptions flow;
  flow.file = file;
  flow.set = options.set;
  if (as_plan) flow.flow = options.flow;
  std::optional<LoadedFlow> loaded =
      LoadFlow(flow, as_plan ? Need::kPlan : Need::kCheck, exit_code);
  if (!loaded) return std::nullopt;
  compiler::CompileResult& result = loaded->result;
  PrintDiagnostics(result.diagnostics, result.sources, false);
  if (result.diagnostics.has_errors_of_flows()) return exit_code = kFlowIsWrong, std::nullopt;
  if (as_plan) {
    return Side{file, std::move(result.sources), compiler::InterfaceOf(*result.physical)};
  }
  engine::Catalog catalog;
  operators::RegisterContracts(catalog);
  std::vector<compiler::ParamSetting> params;
  for (const std::string& set : options.set) {  // of a form that `LoadFlow` has looked at
    const size_t equals = set.find('=');
    params.push_back(compiler::SetParam(set.substr(0, equals), set.substr(equals + 1)));
  }
  Interface interface = compiler::InterfaceOf(result.modules, catalog, params);
  return Side{file, std::move(result.sources), std::move(interface)};
}

std::optional<Side> Read(const std::string& file, const DiffOptions& options, int& exit_code) {
  if (IsPlan(file)) return ReadPlan(file, exit_code);
  return ReadFlow(file, options, IsPlan(options.before) || IsPlan(options.after), exit_code);
}

bool HasFlow(const Side& side, const std::string& name) {
  for (const compiler::FlowInterface& flow : side.interface.flows) {
    if (flow.name == name) return true;
  }
  return false;
}

std::optional<dsl::Position> PositionOf(const Side& side,
                                        const std::optional<dsl::SourceRange>& where) {
  if (!where) return std::nullopt;
  return side.sources.Of(*where).PositionOf(where->begin);
}

/// " (old.flow:7:3, new.flow:8:3)"
std::string PlacesOf(const InterfaceChange& change, const Side& before, const Side& after) {
  std::string text;
  const auto add = [&](const Side& side, const std::optional<dsl::SourceRange>& where) {
    const std::optional<dsl::Position> at = PositionOf(side, where);
    if (!at) return;
    text += (text.empty() ? "" : ", ") + side.sources.Of(*where).name() + ":" +
            std::to_string(at->line) + ":" + std::to_string(at->column);
  };
  add(before, change.before);
  add(after, change.after);
  return text.empty() ? "" : " (" + text + ")";
}

std::string TextOf(const std::string& title, const std::vector<InterfaceChange>& changes,
                   const Side& before, const Side& after) {
  std::string text = title + ": " + std::string(NameOf(compiler::WorstOf(changes))) + "\n";
  for (const InterfaceChange& change : changes) {
    std::string verdict(NameOf(change.verdict));
    verdict.resize(10, ' ');
    text += "  " + verdict + "  " + change.what + PlacesOf(change, before, after) + "\n";
  }
  return text;
}

std::string TextOf(const InterfaceComparison& comparison, const Side& before, const Side& after) {
  std::string text;
  for (const FlowComparison& flow : comparison.flows) {
    text += TextOf("flow " + flow.flow, flow.changes, before, after);
  }
  if (!comparison.params.empty()) {
    text += TextOf("parameters", comparison.params, before, after);
  }
  return text;
}

using Json = nlohmann::ordered_json;

Json JsonOf(const std::vector<InterfaceChange>& changes, const Side& before, const Side& after) {
  const auto place = [](const Side& side, const std::optional<dsl::SourceRange>& where) -> Json {
    const std::optional<dsl::Position> at = PositionOf(side, where);
    if (!at) return nullptr;
    return {{"file", side.sources.Of(*where).name()}, {"line", at->line}, {"column", at->column}};
  };
  Json out = Json::array();
  for (const InterfaceChange& change : changes) {
    out.push_back({{"verdict", NameOf(change.verdict)},
                   {"what", change.what},
                   {"old", place(before, change.before)},
                   {"new", place(after, change.after)}});
  }
  return out;
}

std::string JsonOf(const InterfaceComparison& comparison, const Side& before, const Side& after) {
  Json out = {{"old", before.file},
              {"new", after.file},
              {"verdict", NameOf(comparison.verdict())},
              {"flows", Json::array()}};
  for (const FlowComparison& flow : comparison.flows) {
    out["flows"].push_back({{"flow", flow.flow},
                            {"verdict", NameOf(flow.verdict())},
                            {"changes", JsonOf(flow.changes, before, after)}});
  }
  out["params"] = {{"verdict", NameOf(compiler::WorstOf(comparison.params))},
                   {"changes", JsonOf(comparison.params, before, after)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

int RunDiff(const DiffOptions& options) {
  int exit_code = kFine;
  const std::optional<Side> before = Read(options.before, options, exit_code);
  if (!before) return exit_code;
  const std::optional<Side> after = Read(options.after, options, exit_code);
  if (!after) return exit_code;
  if (options.flow && !HasFlow(*before, *options.flow) && !HasFlow(*after, *options.flow)) {
    return Fail(kUsage, "neither file has a flow `" + *options.flow + "`");
  }
  InterfaceComparison comparison = Compare(before->interface, after->interface);
  if (options.flow) {
    std::erase_if(comparison.flows,
                  [&](const FlowComparison& flow) { return flow.flow != *options.flow; });
  }
  const std::string text =
      options.json ? JsonOf(comparison, *before, *after) : TextOf(comparison, *before, *after);
  std::fputs(text.c_str(), stdout);
  return comparison.verdict() == Verdict::kBreaking ? kFlowIsWrong : kFine;
}

}  // namespace raceway::tools
