#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/draw/drawing.h"
#include "compiler/place/place.h"
#include "compiler/plan/explain.h"
#include "compiler/rewrite/optimize.h"
#include "dsl/print.h"
#include "tests/compiler/compiling.h"
#include "tests/support/golden.h"

namespace raceway::compiler {
namespace {

/// One section of a golden file. Its name is what one would ask of the command line:
/// `optimized --without fuse-chains --set k=3`.
struct Asked {
  std::string file;
  std::string section;
};

std::vector<Asked> SectionsOf(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::vector<Asked> asked;
  for (const std::string& file : files) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
      if (line.starts_with("===== ")) asked.push_back({file, line.substr(6)});
    }
  }
  return asked;
}

std::string NameOf(const ::testing::TestParamInfo<Asked>& info) {
  std::string name =
      std::filesystem::path(info.param.file).stem().string() + "_" + info.param.section;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

/// Puts the stages listed in `on`, "gpu:big,small", on the device, also those in branches.
void PlaceOn(const std::string& on, std::vector<Stage>& stages) {
  const size_t colon = on.find(':');
  const std::string names = "," + on.substr(colon + 1) + ",";
  for (Stage& stage : stages) {
    if (names.find("," + stage.name + ",") != std::string::npos) stage.device = on.substr(0, colon);
    for (Step& step : stage.steps) {
      for (Branch& branch : step.branches) PlaceOn(on, branch.stages);
    }
  }
}

/// The flow is the one called like the file, or the only one.
std::string Emit(const Asked& asked, const std::string& name, const std::string& flow) {
  std::istringstream words(asked.section);
  std::string emit;
  words >> emit;
  CompileOptions options;
  std::string graph;
  std::string on;  // no option of the command line: placement puts all on the CPU so far
  for (std::string option, value; words >> option >> value;) {
    if (option == "--without") options.without.push_back(value);
    if (option == "--graph") graph = value;
    if (option == "--on") on = value;
    const size_t equals = value.find('=');
    if (option == "--set") {
      options.params.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    }
  }
  std::string stem = std::filesystem::path(name).stem().string();
  std::replace(stem.begin(), stem.end(), '-', '_');
  const dsl::ParseResult parsed = dsl::Parse(dsl::Source(name, flow));
  const engine::Result<std::string> meant = SelectFlow(parsed.file, std::nullopt, stem);
  if (!meant.ok()) return meant.error().message;
  options.flow = *meant;
  const testing::Compiled compiled = testing::Compile(flow, options, name);
  const CompileResult& result = compiled.result;
  if (!result.physical) return compiled.Text() + result.usage_error;
  if (graph == "dot") return ToDot(Draw(Place(*result.optimized)), {.schemas = true});
  if (graph == "mermaid") return ToMermaid(Draw(Place(*result.optimized)), {});
  if (!on.empty()) {
    LogicalPlan plan = *result.logical;
    PlaceOn(on, plan.stages);
    return Explain(Optimize(std::move(plan), options.without));
  }
  if (emit == "logical") return Explain(*result.logical);
  if (emit == "optimized") return Explain(*result.optimized);
  if (emit == "physical") return ToString(*result.physical);
  return "no such section: " + emit;
}

class PlanGoldenTest : public ::testing::TestWithParam<Asked> {};

TEST_P(PlanGoldenTest, ShowsThePlan) {
  tests::CheckGolden(GetParam().file, GetParam().section,
                     [](const std::string& name, const std::string& flow) {
                       return Emit(GetParam(), name, flow);
                     });
}

INSTANTIATE_TEST_SUITE_P(Flows, PlanGoldenTest,
                         ::testing::ValuesIn(SectionsOf("tests/flows/plans")), &NameOf);

}  // namespace
}  // namespace raceway::compiler
