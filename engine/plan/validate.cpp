#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "engine/plan/physical_plan.h"

namespace raceway::engine {
namespace {

// Of expressions and values: everything that reads them recurses. What the parser lets through and
// the checker adds to it fits.
constexpr int kMaxNesting = 600;

int NestingOf(const Value& value, int limit) {
  int deepest = 0;
  if (limit == 0) return 1;
  if (const Value::List* list = value.AsList()) {
    for (const Value& item : *list) deepest = std::max(deepest, NestingOf(item, limit - 1));
  } else if (const Value::Record* record = value.AsRecord()) {
    for (const auto& [key, item] : *record) {
      deepest = std::max(deepest, NestingOf(item, limit - 1));
    }
  }
  return deepest + 1;
}

int NestingOf(const Expression& expression, int limit) {
  if (limit == 0) return 1;
  int deepest = NestingOf(expression.constant, limit - 1);
  for (const Expression& arg : expression.args) {
    deepest = std::max(deepest, NestingOf(arg, limit - 1));
  }
  return deepest + 1;
}

// Whether one can stand where the other is expected, as far as the plan alone can tell: the
// compiler may have given a dimension another name.
bool IsAlike(const Type& a, const Type& b) {
  return a.dtype == b.dtype && a.shape.size() == b.shape.size() && a.optional == b.optional;
}

// Whether values of the one are values of the other: a full join leaves some out.
bool CanBecome(const Type& from, Type to) {
  if (!from.optional) to.optional = false;
  return IsAlike(from, to);
}

// Some decide by their expressions, the others define a column with each.
bool DefinesByExpression(const StepSpec& step) {
  return step.op != "filter" && step.op != "split" && step.op != "sort" && step.op != "fail";
}

bool HasOnly(const Value::Record& options, std::initializer_list<std::string_view> keys) {
  return std::all_of(options.begin(), options.end(), [&](const auto& option) {
    return std::find(keys.begin(), keys.end(), option.first) != keys.end();
  });
}

// What is wrong with the options of a step that has branches, or the empty string.
std::string ProblemOfOptions(const StepSpec& step) {
  const Value options(step.options);
  for (const std::string_view name : {"timeout", "within"}) {
    const Value* value = options.Find(name);
    if (value != nullptr && (value->AsInt() == nullptr || *value->AsInt() <= 0)) {
      return "`" + std::string(name) + "` is no number of nanoseconds";
    }
  }
  if (step.op == "anyof") return HasOnly(step.options, {"within"}) ? "" : "unknown option";
  const Value* each_row = options.Find("each_row");
  const Value* on_error = options.Find("on_error");
  if (each_row != nullptr && each_row->AsBool() == nullptr) return "`each_row` is no bool";
  if (on_error != nullptr && *on_error != Value("drop")) return "`on_error` is not \"drop\"";
  return HasOnly(step.options, {"timeout", "each_row", "on_error"}) ? "" : "unknown option";
}

// What is wrong with the number and the names of branches, or the empty string.
std::string ProblemOfBranches(const StepSpec& step) {
  if (step.op != "guard" && step.op != "anyof") return "`" + step.op + "` has no branches";
  const bool is_guard = step.op == "guard";
  if (is_guard && step.branches.size() > 2) return "guard has one or two branches";
  std::set<std::string_view> names;
  for (const BranchSpec& branch : step.branches) {
    if (branch.name.empty() || !names.insert(branch.name).second) {
      return "a branch's name is empty or not its own";
    }
    const bool is_else = branch.name == "else";
    if (is_else && (is_guard || &branch != &step.branches.back() || names.size() == 1)) {
      return "only the last of several branches of anyof is `else`";
    }
    if (!branch.accept.empty() && (is_guard || is_else)) return "this branch accepts nothing";
  }
  return ProblemOfOptions(step);
}

// Goes through a plan from its first stage to its last and keeps the first mistake.
class Validator {
 public:
  explicit Validator(const PhysicalPlan& plan) : plan_(plan) {}

  Status Run() {
    CheckInputs();
    if (!error_) CheckStages({InputSchemas(), plan_.stages, ""});
    if (!error_) CheckOutputs();
    if (!error_) {
      std::vector<Port> outputs;
      for (const ResultSpec& result : plan_.results) outputs.push_back(result.output);
      CheckAllLeadTo(outputs, plan_.stages);
    }
    if (error_) return *std::move(error_);
    return Done{};
  }

 private:
  // The stages of the plan or of a branch.
  struct Scope {
    std::vector<const Schema*> inputs;  // what stage -1 stands for
    const std::vector<StageSpec>& stages;
    std::string where;  // in front of what is said of them

    // Whether `port` is there for a reader that comes after `num_stages` stages.
    bool Has(Port port, size_t num_stages) const {
      if (port.output < 0 || port.stage < -1) return false;
      const auto output = static_cast<size_t>(port.output);
      if (port.stage < 0) return output < inputs.size();
      const auto stage = static_cast<size_t>(port.stage);
      return stage < num_stages && output < stages[stage].outputs().size();
    }
    const Schema& SchemaOf(Port port) const {
      const auto output = static_cast<size_t>(port.output);
      if (port.stage < 0) return *inputs[output];
      return stages[static_cast<size_t>(port.stage)].outputs()[output];
    }
  };

  void Fail(const std::string& message) {
    if (!error_) {
      error_ = Error{ErrorCode::kInvalidArgument, "bad plan `" + plan_.flow + "`: " + message};
    }
  }

  std::vector<const Schema*> InputSchemas() const {
    std::vector<const Schema*> schemas;
    for (const InputSpec& input : plan_.inputs) schemas.push_back(&input.schema);
    return schemas;
  }

  void CheckInputs() {
    if (plan_.inputs.empty()) return Fail("has no input");
    if (plan_.stages.empty()) return Fail("has no stages");
    std::set<std::string_view> names;
    for (const InputSpec& input : plan_.inputs) {
      const std::string where = "input `" + input.name + "`";
      if (!names.insert(input.name).second) Fail(where + " is there twice");
      CheckSchema(where, input.schema);
      CheckSent(where, input);
    }
  }

  void CheckSent(const std::string& where, const InputSpec& input) {
    if (!input.caller_names.empty()) {
      const std::set<std::string> sent(input.caller_names.begin(), input.caller_names.end());
      if (sent.size() != input.schema.size() || input.caller_names.size() != sent.size()) {
        return Fail(where + " wants a name for each column that it is sent");
      }
    }
    const Schema sent = input.CallerSchema();
    for (const auto& [column, value] : input.defaults) {
      if (sent.Find(column) == nullptr) {
        Fail(where + " has a default for `" + column + "`, which it has not");
      }
    }
  }

  // The same name is the same data, so it has the same type everywhere.
  void CheckSchema(const std::string& where, const Schema& schema) {
    std::set<std::string_view> names;
    for (const Field& field : schema.fields()) {
      if (!names.insert(field.name).second) Fail(where + " has `" + field.name + "` twice");
      if (field.type.is_unknown()) Fail(where + ": `" + field.name + "` has no type");
      const auto [known, is_new] = types_.emplace(field.name, &field.type);
      if (!is_new && *known->second != field.type) {
        Fail(where + ": `" + field.name + "` is " + ToString(field.type) + ", elsewhere " +
             ToString(*known->second));
      }
    }
  }

  void CheckStages(const Scope& scope) {
    for (size_t i = 0; i < scope.stages.size() && !error_; ++i) CheckStage(scope, i);
  }

  void CheckStage(const Scope& scope, size_t index) {
    const StageSpec& stage = scope.stages[index];
    const std::string where =
        scope.where + "stage " + std::to_string(index) + " `" + stage.name + "`";
    if (stage.name.empty() || !stage_names_.insert(stage.name).second) {
      return Fail(where + ": the name is empty or not its own");
    }
    if (stage.inputs.empty()) return Fail(where + " has no inputs");
    if (stage.steps.empty()) return Fail(where + " has no steps");

    std::vector<const Schema*> inputs;
    for (const Port port : stage.inputs) {
      if (!scope.Has(port, index)) {
        return Fail(where + " reads output " + std::to_string(port.output) + " of stage " +
                    std::to_string(port.stage) + ", which does not exist before it");
      }
      inputs.push_back(&scope.SchemaOf(port));
    }
    for (size_t i = 0; i < stage.steps.size() && !error_; ++i) {
      const StepSpec& step = stage.steps[i];
      const std::string place = where + ", step " + std::to_string(i) + " `" + step.label + "`";
      if (step.op.empty()) return Fail(place + " has no operator");
      if (step.outputs.empty()) return Fail(place + " has no outputs");
      if (step.outputs.size() > 1 && i + 1 < stage.steps.size()) {
        return Fail(place + " has several outputs and is not the last");
      }
      if (step.outputs.size() > 1 && inputs.size() > 1) {
        return Fail(place + " has several inputs and several outputs");
      }
      CheckStep(place, step, inputs);
      inputs.assign(1, &step.outputs[0]);
    }
  }

  void CheckStep(const std::string& where, const StepSpec& step,
                 const std::vector<const Schema*>& inputs) {
    std::set<std::string_view> available;
    for (const Schema* input : inputs) {
      for (const Field& field : input->fields()) available.insert(field.name);
    }
    for (const auto& [parameter, column] : step.arguments) {
      if (!available.contains(column)) Fail(where + " reads `" + column + "`, which is not there");
    }
    std::map<std::string_view, const Type*> defined;  // null: the operator knows
    for (const auto& [result, column] : step.results) {
      if (!defined.emplace(column, nullptr).second) {
        Fail(where + " defines `" + column + "` twice");
      }
    }
    CheckUnread(where, step);
    for (const auto& [name, expression] : step.expressions) {
      CheckExpression(where, expression, inputs);
      if (!DefinesByExpression(step)) continue;
      if (!defined.emplace(name, &expression.type).second) {
        Fail(where + " defines `" + name + "` twice");
      }
    }
    if (step.branches.empty()) {
      CheckSources(where, step, inputs, defined);
    } else {
      const std::vector<const Schema*> ends = CheckBranches(where, step, inputs);
      if (error_) return;
      CheckSources(where, step, ends, defined);
      KeepCommon(ends, available);
    }
    if (NestingOf(Value(step.options), kMaxNesting) > kMaxNesting) {
      Fail(where + ": its options are nested too deeply");
    }
    for (const Schema& output : step.outputs) {
      CheckSchema(where, output);
      for (const Field& field : output.fields()) {
        const auto found = defined.find(field.name);
        if (found == defined.end() && !available.contains(field.name)) {
          Fail(where + " hands on `" + field.name + "`, which neither it nor its input has");
        }
        if (found != defined.end() && found->second && !IsAlike(*found->second, field.type)) {
          Fail(where + " defines `" + field.name + "` as " + ToString(*found->second) +
               " and hands it on as " + ToString(field.type));
        }
      }
    }
  }

  void CheckUnread(const std::string& where, const StepSpec& step) {
    CheckSchema(where, step.unread);
    for (const Field& field : step.unread.fields()) {
      const bool is_result =
          std::any_of(step.results.begin(), step.results.end(),
                      [&field](const auto& result) { return result.second == field.name; });
      if (!is_result) Fail(where + " leaves `" + field.name + "` unread, which is no result of it");
      for (const Schema& output : step.outputs) {
        if (output.Find(field.name) == nullptr) continue;
        Fail(where + " hands on `" + field.name + "`, which it says nobody reads");
      }
    }
  }

  // What leaves each branch.
  std::vector<const Schema*> CheckBranches(const std::string& where, const StepSpec& step,
                                           const std::vector<const Schema*>& inputs) {
    std::vector<const Schema*> ends;
    const std::string problem = ProblemOfBranches(step);
    if (!problem.empty()) Fail(where + ": " + problem);
    if (inputs.size() != 1 || step.outputs.size() != 1) {
      Fail(where + " has branches: it wants one input and one output");
    }
    if (++depth_ > kMaxBranchDepth) Fail(where + ": branches in branches, too deep");
    for (size_t i = 0; i < step.branches.size() && !error_; ++i) {
      const BranchSpec& branch = step.branches[i];
      const Scope scope{inputs, branch.stages, where + ", branch `" + branch.name + "`, "};
      CheckStages(scope);
      if (error_) break;
      if (!scope.Has(branch.output, branch.stages.size())) {
        Fail(where + ": the output of branch `" + branch.name + "` does not exist");
        break;
      }
      CheckAllLeadTo({branch.output}, branch.stages);
      ends.push_back(&scope.SchemaOf(branch.output));
      const Field* accept = ends.back()->Find(branch.accept);
      if (!branch.accept.empty() && (accept == nullptr || accept->type != Type{DataType::kBool})) {
        Fail(where + ": branch `" + branch.name + "` has no bool `" + branch.accept + "`");
      }
    }
    for (const auto& [result, column] : step.results) {
      const Field* field = step.outputs[0].Find(column);
      if (field != nullptr && field->type != Type{DataType::kString}) {
        Fail(where + ": `" + column + "` is the name of a branch, no " + ToString(field->type));
      }
    }
    --depth_;
    return ends;
  }

  // Leaves in `available` what all branches hand out.
  static void KeepCommon(const std::vector<const Schema*>& ends,
                         std::set<std::string_view>& available) {
    available.clear();
    for (const Field& field : ends.front()->fields()) {
      const auto has = [&](const Schema* end) { return end->Find(field.name) != nullptr; };
      if (std::all_of(ends.begin(), ends.end(), has)) available.insert(field.name);
    }
  }

  void CheckExpression(const std::string& where, const Expression& expression,
                       const std::vector<const Schema*>& inputs) {
    if (NestingOf(expression, kMaxNesting) > kMaxNesting) {
      return Fail(where + ": an expression is nested too deeply");
    }
    CheckColumns(where, expression, inputs);
  }

  void CheckColumns(const std::string& where, const Expression& expression,
                    const std::vector<const Schema*>& inputs) {
    if (expression.type.is_unknown()) Fail(where + ": an expression has no type");
    if (expression.kind == Expression::Kind::kColumn) {
      const Field* field = nullptr;
      for (size_t i = 0; i < inputs.size() && field == nullptr; ++i) {
        field = inputs[i]->Find(expression.name);
      }
      if (field == nullptr) {
        Fail(where + " reads `" + expression.name + "`, which is not there");
      } else if (!IsAlike(field->type, expression.type)) {
        Fail(where + " reads `" + expression.name + "` as " + ToString(expression.type) +
             ", which is " + ToString(field->type));
      }
    }
    for (const Expression& arg : expression.args) CheckColumns(where, arg, inputs);
  }

  void CheckSources(const std::string& where, const StepSpec& step,
                    const std::vector<const Schema*>& inputs,
                    std::map<std::string_view, const Type*>& defined) {
    for (const auto& [column, from] : step.sources) {
      if (!defined.emplace(column, nullptr).second) {
        Fail(where + " defines `" + column + "` twice");
      }
      if (from.size() != inputs.size()) {
        return Fail(where + ": `" + column + "` wants a source in each of " +
                    std::to_string(inputs.size()) + " inputs");
      }
      const Field* result = step.outputs[0].Find(column);
      for (size_t i = 0; i < from.size(); ++i) {
        if (step.op == "join" && from[i].empty()) continue;  // of the other side alone
        const Field* source = inputs[i]->Find(from[i]);
        if (source == nullptr) {
          const std::string origin = step.branches.empty()
                                         ? "input " + std::to_string(i)
                                         : "branch `" + step.branches[i].name + "`";
          return Fail(where + " reads `" + from[i] + "`, which " + origin + " does not have");
        }
        if (result != nullptr && !CanBecome(source->type, result->type)) {
          Fail(where + ": `" + column + "` is " + ToString(result->type) + ", its source `" +
               from[i] + "` is " + ToString(source->type));
        }
      }
    }
  }

  void CheckOutputs() {
    if (plan_.results.empty()) return Fail("has no result");
    std::set<std::string> names;
    for (const ResultSpec& result : plan_.results) {
      if (!names.insert(result.name).second) Fail("has the result `" + result.name + "` twice");
      CheckOutput(result);
    }
  }

  // Of several results some may be what came in.
  void CheckOutput(const ResultSpec& result) {
    const Scope scope{InputSchemas(), plan_.stages, ""};
    const bool is_input = result.output.stage < 0 && plan_.results.size() == 1;
    if (is_input || !scope.Has(result.output, plan_.stages.size())) {
      return Fail("its output is no stage's");
    }
    if (result.columns.empty()) return Fail("its result has no columns");
    const Schema& schema = plan_.SchemaOf(result.output);
    std::set<std::string_view> names;
    for (const auto& [name, column] : result.columns) {
      if (!names.insert(name).second) Fail("its result has `" + name + "` twice");
      if (schema.Find(column) == nullptr) {
        Fail("its result wants `" + column + "`, which its output does not have");
      }
    }
  }

  // A request is over when the stages of its outputs have run: nothing may still be running then.
  void CheckAllLeadTo(const std::vector<Port>& outputs, const std::vector<StageSpec>& stages) {
    std::vector<bool> leads(stages.size());
    for (const Port output : outputs) {
      if (output.stage >= 0) leads[static_cast<size_t>(output.stage)] = true;
    }
    for (size_t i = stages.size(); i-- > 0;) {
      if (!leads[i]) return Fail("stage `" + stages[i].name + "` leads nowhere");
      for (const Port port : stages[i].inputs) {
        if (port.stage >= 0) leads[static_cast<size_t>(port.stage)] = true;
      }
    }
  }

  const PhysicalPlan& plan_;
  std::map<std::string_view, const Type*> types_;
  std::set<std::string_view> stage_names_;
  int depth_ = 0;  // of branches around what is being checked
  std::optional<Error> error_;
};

}  // namespace

Status Validate(const PhysicalPlan& plan) { return Validator(plan).Run(); }

}  // namespace raceway::engine
