#include "tests/compiler/with_hints.h"

#include <algorithm>
#include <random>
#include <variant>
#include <vector>

#include "dsl/parse.h"

namespace raceway::compiler::testing {
namespace {

namespace ast = dsl::ast;

constexpr const char* kHints[] = {
    "batch { max: 8, wait: 2ms, by: length }",
    "batch { max: 4096tok, adaptive: true }",
    "compete { replicas: 2, after: p90, cancel: true }",
    "compete { after: 5ms, budget: 5% }",
    "place { device: [gpu, cpu], node: \"edge\", spread: false }",
    "resources { cpu: 1..8, gpu: 0%..50%, memory: 512MiB..8GiB }",
    "prewarm { policy: always, horizon: 2min, keep: 5s..60s, instances: 1..4 }",
    "load { priority: high, stream: true, memory: 2GB }",
    "fuse: false",
    "fuse: true",
};
constexpr char kGoals[] = ", slo { p99: 60ms, throughput: 100rps, minimise: cost, deadline: 1s }";

/// Where hints can be written.
class Places {
 public:
  std::vector<int32_t> of_steps;
  std::vector<int32_t> of_flows;

  explicit Places(const ast::File& file) {
    for (const ast::Item& item : file.items) {
      const auto* flow = std::get_if<ast::FlowDecl>(&item);
      if (flow == nullptr) continue;
      if (!flow->with) of_flows.push_back(flow->signature.range.end);
      for (const ast::Stmt& stmt : flow->body) See(stmt);
    }
  }

 private:
  void See(const ast::Stmt& stmt) {
    if (const auto* let = std::get_if<ast::Let>(&stmt)) return See(let->value);
    for (const ast::ReturnValue& value : std::get<ast::Return>(stmt).values) See(value.value);
  }
  void See(const ast::Pipeline& pipeline) {
    for (const ast::Arg& arg : pipeline.head.args) See(arg.value);
    for (const ast::Step& step : pipeline.steps) See(step);
  }
  void See(const ast::Step& step) {
    for (const ast::Arg& arg : step.args) {
      for (const ast::Step& inner : arg.value.steps) See(inner);
    }
    for (const ast::Branch& branch : step.branches) {
      for (const ast::Step& inner : branch.chain) See(inner);
    }
    if (!step.with && step.rescue.empty()) of_steps.push_back(step.range.end);
  }
};

}  // namespace

std::string WithHints(const std::string& text, uint32_t seed) {
  std::mt19937 random(seed);
  const auto any_hint = [&] { return std::string(kHints[random() % std::size(kHints)]); };
  const ast::File file = dsl::Parse(dsl::Source("with.flow", text)).file;
  const Places places(file);
  std::vector<std::pair<int32_t, std::string>> inserted;
  for (const int32_t place : places.of_steps) {
    if (random() % 4 != 0) inserted.emplace_back(place, " with { " + any_hint() + " }");
  }
  for (const int32_t place : places.of_flows) {
    inserted.emplace_back(place, " with { " + any_hint() + kGoals + " }");
  }
  const bool has_defaults = std::any_of(
      file.items.begin(), file.items.end(),
      [](const ast::Item& item) { return std::holds_alternative<ast::DefaultsDecl>(item); });
  if (!has_defaults) {
    inserted.emplace_back(file.edition_range.end, " defaults { " + any_hint() + " }");
  }
  std::stable_sort(inserted.begin(), inserted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string hinted = text;
  for (const auto& [place, hint] : inserted) hinted.insert(static_cast<size_t>(place), hint);
  return hinted;
}

bool DependsOnTime(const std::string& text) {
  for (const char* word : {"anyof", "timeout", "shed"}) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

}  // namespace raceway::compiler::testing
