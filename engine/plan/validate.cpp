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
  return a.dtype == b.dtype && a.shape.size() == b.shape.size();
}

// Some decide by their expressions, the others define a column with each.
bool DefinesByExpression(const StepSpec& step) {
  return step.op != "filter" && step.op != "split" && step.op != "sort" && step.op != "fail";
}

// Goes through a plan from its first stage to its last and keeps the first mistake.
class Validator {
 public:
  explicit Validator(const PhysicalPlan& plan) : plan_(plan) {}

  Status Run() {
    CheckInputs();
    for (size_t i = 0; i < plan_.stages.size() && !error_; ++i) CheckStage(static_cast<int32_t>(i));
    if (!error_) CheckOutput();
    if (!error_) CheckAllLeadToOutput();
    if (error_) return *std::move(error_);
    return Done{};
  }

 private:
  void Fail(const std::string& message) {
    if (!error_) {
      error_ = Error{ErrorCode::kInvalidArgument, "bad plan `" + plan_.flow + "`: " + message};
    }
  }

  void CheckInputs() {
    if (plan_.inputs.size() != 1) return Fail("wants exactly one input");
    if (plan_.stages.empty()) return Fail("has no stages");
    for (const InputSpec& input : plan_.inputs) {
      CheckSchema("input `" + input.name + "`", input.schema);
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

  // Whether `port` is there for a reader that comes after `num_stages` stages.
  bool Exists(Port port, int32_t num_stages) const {
    if (port.output < 0 || port.stage < -1 || port.stage >= num_stages) return false;
    const auto output = static_cast<size_t>(port.output);
    if (port.stage < 0) return output < plan_.inputs.size();
    return output < plan_.stages[static_cast<size_t>(port.stage)].outputs().size();
  }

  void CheckStage(int32_t index) {
    const StageSpec& stage = plan_.stages[static_cast<size_t>(index)];
    const std::string where = "stage " + std::to_string(index) + " `" + stage.name + "`";
    if (stage.name.empty() || !stage_names_.insert(stage.name).second) {
      return Fail(where + ": the name is empty or not its own");
    }
    if (stage.inputs.empty()) return Fail(where + " has no inputs");
    if (stage.steps.empty()) return Fail(where + " has no steps");

    std::vector<const Schema*> inputs;
    for (const Port port : stage.inputs) {
      if (!Exists(port, index)) {
        return Fail(where + " reads output " + std::to_string(port.output) + " of stage " +
                    std::to_string(port.stage) + ", which does not exist before it");
      }
      inputs.push_back(&plan_.SchemaOf(port));
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
    for (const auto& [name, expression] : step.expressions) {
      CheckExpression(where, expression, inputs);
      if (!DefinesByExpression(step)) continue;
      if (!defined.emplace(name, &expression.type).second) {
        Fail(where + " defines `" + name + "` twice");
      }
    }
    CheckSources(where, step, inputs, defined);
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
        const Field* source = inputs[i]->Find(from[i]);
        if (source == nullptr) {
          return Fail(where + " reads `" + from[i] + "`, which input " + std::to_string(i) +
                      " does not have");
        }
        if (result != nullptr && !IsAlike(source->type, result->type)) {
          Fail(where + ": `" + column + "` is " + ToString(result->type) + ", its source `" +
               from[i] + "` is " + ToString(source->type));
        }
      }
    }
  }

  void CheckOutput() {
    if (plan_.output.stage < 0 ||
        !Exists(plan_.output, static_cast<int32_t>(plan_.stages.size()))) {
      return Fail("its output is no stage's");
    }
    if (plan_.result.empty()) return Fail("its result has no columns");
    const Schema& schema = plan_.SchemaOf(plan_.output);
    std::set<std::string_view> names;
    for (const auto& [name, column] : plan_.result) {
      if (!names.insert(name).second) Fail("its result has `" + name + "` twice");
      if (schema.Find(column) == nullptr) {
        Fail("its result wants `" + column + "`, which its output does not have");
      }
    }
  }

  // A request is over when the output's stage has run: nothing may still be running then.
  void CheckAllLeadToOutput() {
    std::vector<bool> leads(plan_.stages.size());
    leads[static_cast<size_t>(plan_.output.stage)] = true;
    for (size_t i = plan_.stages.size(); i-- > 0;) {
      if (!leads[i]) return Fail("stage `" + plan_.stages[i].name + "` leads nowhere");
      for (const Port port : plan_.stages[i].inputs) {
        if (port.stage >= 0) leads[static_cast<size_t>(port.stage)] = true;
      }
    }
  }

  const PhysicalPlan& plan_;
  std::map<std::string_view, const Type*> types_;
  std::set<std::string_view> stage_names_;
  std::optional<Error> error_;
};

}  // namespace

Status Validate(const PhysicalPlan& plan) { return Validator(plan).Run(); }

}  // namespace raceway::engine
