#include "compiler/check/flow_steps.h"

#include <algorithm>
#include <map>
#include <optional>
#include <variant>

#include "compiler/check/step_parts.h"

namespace raceway::compiler {
namespace {

/// A walk through the pipelines of a flow.
class Collector {
 public:
  std::vector<FlowStep> steps;

  void See(const ast::Stmt& stmt) {
    if (const auto* let = std::get_if<ast::Let>(&stmt)) return See(let->value);
    for (const ast::ReturnValue& value : std::get<ast::Return>(stmt).values) See(value.value);
  }

 private:
  void See(const ast::Pipeline& pipeline) {
    const ast::Expr& head = pipeline.head;
    const ast::Block* with = pipeline.with ? &*pipeline.with : nullptr;
    if (head.kind == ast::Expr::Kind::kCall) {
      const ast::Expr& callee = head.children.front();
      steps.push_back({ColumnName(callee).value_or(""), callee.range, with});
      SeeTables(head.args);
    } else if (with != nullptr) {
      steps.push_back({"", head.range, with});
    }
    See(pipeline.steps);
  }

  void See(const std::vector<ast::Step>& chain) {
    for (const ast::Step& step : chain) See(step);
  }

  void See(const ast::Step& step) {
    const std::string op = step.path.Text();
    FlowStep found{op, step.path.range, step.with ? &*step.with : nullptr};
    if (op == "map" && !step.args.empty()) {
      if (const auto function = ColumnName(step.args.front())) found.kind += "." + *function;
    }
    steps.push_back(std::move(found));
    if (TakesTables(op)) SeeTables(step.args);
    for (const ast::Branch& branch : step.branches) See(branch.chain);
    See(step.rescue);
  }

  void SeeTables(const std::vector<ast::Arg>& args) {
    for (const ast::Arg& arg : args) {
      if (arg.kind == ast::Arg::Kind::kPositional) See(arg.value);
    }
  }

  /// The arguments of other operators are expressions.
  static bool TakesTables(const std::string& op) {
    const std::vector<std::string>& core = CoreOperators();
    return op == "union" || op == "join" || std::find(core.begin(), core.end(), op) == core.end();
  }
};

}  // namespace

std::vector<FlowStep> StepsOf(const ast::FlowDecl& flow) {
  Collector collector;
  for (const ast::Stmt& stmt : flow.body) collector.See(stmt);
  return std::move(collector.steps);
}

std::vector<std::string> AddressesOf(const std::vector<FlowStep>& steps) {
  std::map<std::string, int> counts;
  std::vector<std::string> addresses;
  for (const FlowStep& step : steps) {
    const int number = ++counts[step.kind];
    addresses.push_back(number == 1 ? step.kind : step.kind + "#" + std::to_string(number));
  }
  return addresses;
}

}  // namespace raceway::compiler
