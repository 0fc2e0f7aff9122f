#include "operators/native.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog.h"
#include "engine/data/symbols.h"
#include "operators/contracts.h"
#include "operators/row_errors.h"

namespace raceway::operators {
namespace {

using engine::Batch;
using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Field;
using engine::FunctionContract;
using engine::Layout;
using engine::Result;
using engine::SettingContract;
using engine::Type;
using engine::Value;

/// A column a function reads or defines, and what its contract says of it.
struct Parameter {
  Field field;        // the contract's
  size_t column = 0;  // of the input
};
struct Outcome {
  std::string name;
  Type declared;  // by the plan
};

class Native final : public engine::Operator {
 public:
  /// `alike`: the arguments and then the results, where their symbols are to be compared, or none.
  Native(std::string name, std::unique_ptr<NativeFunction> function,
         std::vector<Parameter> parameters, std::vector<Outcome> outcomes, std::vector<Field> alike,
         Layout layout)
      : name_(std::move(name)),
        function_(std::move(function)),
        parameters_(std::move(parameters)),
        outcomes_(std::move(outcomes)),
        alike_(std::move(alike)),
        layout_(std::move(layout)) {}

  Result<Batch> Run(Batch input, engine::RunContext& context) const override {
    if (input.num_rows() == 0) return Batch::Empty(layout_.output());
    const c10::InferenceMode inference;
    std::vector<Column> args;
    for (const Parameter& parameter : parameters_) {
      args.push_back(input.column(parameter.column));
      engine::Status checked = args.back().CheckType(parameter.field.type);
      if (!checked) return Located("parameter", parameter.field.name, checked.error(), input);
    }
    Result<std::vector<Column>> results = function_->Run(args, input.num_rows(), context);
    if (!results) return WithRowId(std::move(results).error(), input);
    for (size_t i = 0; i < outcomes_.size(); ++i) {
      engine::Status checked = (*results)[i].CheckType(outcomes_[i].declared);
      if (!checked) return Located("result", outcomes_[i].name, checked.error(), input);
    }
    if (engine::Status checked = CheckAlike(std::move(args), *results); !checked) {
      return WithRowId(std::move(checked).error(), input);
    }
    return layout_.SameRows(input, std::move(*results));
  }

 private:
  /// What arguments and results together say of their dimensions.
  engine::Status CheckAlike(std::vector<Column> columns, const std::vector<Column>& results) const {
    if (alike_.empty()) return engine::Done{};
    columns.insert(columns.end(), results.begin(), results.end());
    engine::Status checked = engine::CheckSymbols(alike_, columns);
    if (!checked) {
      checked.error().code = ErrorCode::kFailed;
      checked.error().message.insert(0, name_ + ": ");
    }
    return checked;
  }

  Error Located(std::string_view what, const std::string& which, Error error,
                const Batch& input) const {
    error.code = ErrorCode::kFailed;
    error.message = name_ + ": " + std::string(what) + " `" + which + "` " + error.message;
    return WithRowId(std::move(error), input);
  }

  std::string name_;
  std::unique_ptr<NativeFunction> function_;
  std::vector<Parameter> parameters_;
  std::vector<Outcome> outcomes_;
  std::vector<Field> alike_;
  Layout layout_;
};

const engine::Catalog& Contracts() {
  static const engine::Catalog kCatalog = [] {
    engine::Catalog all;
    RegisterFunctionContracts(all);
    return all;
  }();
  return kCatalog;
}

FunctionFactory FindFactory(std::string_view name) {
  for (const NativeFunctionEntry& entry : NativeFunctions()) {
    if (entry.name == name) return entry.make;
  }
  return nullptr;
}

bool IsOfKind(const Value& value, SettingContract::Kind kind) {
  switch (kind) {
    case SettingContract::Kind::kInt: return value.AsInt() != nullptr;
    case SettingContract::Kind::kNumber: return value.AsNumber().has_value();
    case SettingContract::Kind::kBool: return value.AsBool() != nullptr;
    case SettingContract::Kind::kString:
    case SettingContract::Kind::kFile: return value.AsString() != nullptr;
    case SettingContract::Kind::kNumbers: break;
  }
  if (value.AsNumber()) return true;
  const Value::List* list = value.AsList();
  return list != nullptr && std::all_of(list->begin(), list->end(), [](const Value& item) {
           return item.AsNumber().has_value();
         });
}

/// The compiler checked the settings; a plan from a file may have any.
engine::Status CheckSettings(const FunctionContract& contract, const Value& settings) {
  if (settings.AsRecord() == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "the settings are no record"};
  }
  for (const SettingContract& setting : contract.settings) {
    const Value* value = settings.Find(setting.name);
    if (value == nullptr && !setting.required) continue;
    const bool is_allowed =
        value != nullptr && IsOfKind(*value, setting.kind) &&
        (setting.allowed.empty() || std::find(setting.allowed.begin(), setting.allowed.end(),
                                              *value->AsString()) != setting.allowed.end());
    if (!is_allowed) {
      return Error{ErrorCode::kInvalidArgument,
                   "setting `" + setting.name + "` cannot be " +
                       (value == nullptr ? "left out" : ToString(*value))};
    }
    if (const std::string problem = setting.ProblemOf(*value); !problem.empty()) {
      return Error{ErrorCode::kInvalidArgument, "`" + setting.name + "` " + problem};
    }
  }
  for (const auto& [name, value] : *settings.AsRecord()) {
    const bool is_known =
        std::any_of(contract.settings.begin(), contract.settings.end(),
                    [&name = name](const SettingContract& known) { return known.name == name; });
    if (!is_known) return Error{ErrorCode::kInvalidArgument, "no setting `" + name + "`"};
  }
  return engine::Done{};
}

/// Whether something of the contract's type can be of type `declared`.
bool CanBe(const Type& contract, const Type& declared) {
  if (contract.dtype != declared.dtype || contract.shape.size() != declared.shape.size() ||
      contract.optional != declared.optional) {
    return false;
  }
  for (size_t i = 0; i < contract.shape.size(); ++i) {
    const engine::Dim& a = contract.shape[i];
    const engine::Dim& b = declared.shape[i];
    if (a.is_size() && b.is_size() && a.size != b.size) return false;
  }
  return true;
}

Error Mismatch(const Field& wanted, const std::string& column, const engine::Schema& schema) {
  const Field* found = schema.Find(column);
  return {ErrorCode::kInvalidArgument,
          "wants `" + wanted.name + ": " + ToString(wanted.type) + "`, " +
              (found == nullptr ? "there is no column `" + column + "`"
                                : "`" + column + "` is " + ToString(found->type))};
}

Result<std::vector<Parameter>> FindParameters(const FunctionContract& contract,
                                              const engine::OperatorSpec& spec) {
  const auto& arguments = spec.step.arguments;
  if (arguments.size() != contract.params.size()) {
    return Error{ErrorCode::kInvalidArgument, "takes " + std::to_string(contract.params.size()) +
                                                  " arguments, not " +
                                                  std::to_string(arguments.size())};
  }
  std::vector<Parameter> parameters;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Field& wanted = contract.params[i];
    const std::optional<size_t> index = spec.inputs[0]->IndexOf(arguments[i].second);
    if (!index || !CanBe(wanted.type, (*spec.inputs[0])[*index].type)) {
      return Mismatch(wanted, arguments[i].second, *spec.inputs[0]);
    }
    parameters.push_back({wanted, *index});
  }
  return parameters;
}

Result<std::vector<Outcome>> FindOutcomes(const FunctionContract& contract,
                                          const engine::OperatorSpec& spec) {
  const auto& results = spec.step.results;
  if (results.size() != contract.results.size()) {
    return Error{ErrorCode::kInvalidArgument, "has " + std::to_string(contract.results.size()) +
                                                  " results, not " +
                                                  std::to_string(results.size())};
  }
  std::vector<Outcome> outcomes;
  for (size_t i = 0; i < results.size(); ++i) {
    const Field& given = contract.results[i];
    const Type* declared = spec.step.TypeOf(results[i].second);
    if (declared == nullptr || !CanBe(given.type, *declared)) {
      return Error{ErrorCode::kInvalidArgument,
                   "gives `" + given.name + ": " + ToString(given.type) + "`, " +
                       (declared == nullptr ? "the plan does not declare it"
                                            : "declared " + ToString(*declared))};
    }
    outcomes.push_back({results[i].first, *declared});
  }
  return outcomes;
}

/// What arguments and results are in the plan, for comparing their symbols.
std::vector<Field> AlikeFields(const engine::OperatorSpec& spec,
                               const std::vector<Parameter>& parameters,
                               const std::vector<Outcome>& outcomes) {
  std::vector<Field> fields;
  fields.reserve(parameters.size() + outcomes.size());
  for (const Parameter& parameter : parameters) {
    fields.push_back({parameter.field.name, (*spec.inputs[0])[parameter.column].type});
  }
  for (const Outcome& outcome : outcomes) fields.push_back({outcome.name, outcome.declared});
  return fields;
}

Result<engine::AnyOperator> Make(const FunctionContract& contract, const MakeFunction& make,
                                 const engine::OperatorSpec& spec, Author author) {
  const Value options(spec.step.options);
  const Value* settings = options.Find("settings");
  const Value chosen = settings == nullptr ? Value(Value::Record{}) : *settings;
  if (auto checked = CheckSettings(contract, chosen); !checked) return checked.error();
  Result<std::vector<Parameter>> parameters = FindParameters(contract, spec);
  if (!parameters) return std::move(parameters).error();
  Result<std::vector<Outcome>> outcomes = FindOutcomes(contract, spec);
  if (!outcomes) return std::move(outcomes).error();

  FunctionSpec function_spec{chosen, {}, spec.base_dir};
  std::vector<std::string> defined;
  for (size_t i = 0; i < outcomes->size(); ++i) {
    function_spec.results.push_back((*outcomes)[i].declared);
    defined.push_back(spec.step.results[i].second);
  }
  Result<Layout> layout = Layout::Make(*spec.inputs[0], spec.outputs[0], defined);
  if (!layout) return std::move(layout).error();
  Result<std::unique_ptr<NativeFunction>> function = make(function_spec);
  if (!function) return std::move(function).error();
  std::vector<Field> alike;
  if (author == Author::kUser) alike = AlikeFields(spec, *parameters, *outcomes);
  return engine::AnyOperator(std::make_unique<Native>(contract.name, std::move(*function),
                                                      std::move(*parameters), std::move(*outcomes),
                                                      std::move(alike), std::move(*layout)));
}

}  // namespace

Result<engine::AnyOperator> MakeFunctionStep(const FunctionContract& contract,
                                             const MakeFunction& make,
                                             const engine::OperatorSpec& spec, Author author) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "a function has one input and one output"};
  }
  Result<engine::AnyOperator> made = Make(contract, make, spec, author);
  if (!made) made.error().message.insert(0, contract.name + ": ");
  return made;
}

Result<engine::AnyOperator> MakeNative(const engine::OperatorSpec& spec) {
  const Value options(spec.step.options);
  const Value* name = options.Find("function");
  if (name == nullptr || name->AsString() == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "native wants the option `function`"};
  }
  const FunctionContract* contract = Contracts().FindFunction(*name->AsString());
  const FunctionFactory factory = FindFactory(*name->AsString());
  if (contract == nullptr || factory == nullptr) {
    return Error{ErrorCode::kUnsupported, "no native function `" + *name->AsString() + "`"};
  }
  return MakeFunctionStep(*contract, factory, spec, Author::kRaceway);
}

}  // namespace raceway::operators
