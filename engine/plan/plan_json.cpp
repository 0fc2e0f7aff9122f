// Plans as JSON. The only file of the engine that knows a JSON library.
//
// Reading trusts nothing: every member is looked at, an unknown one is an error (it may have
// changed what the plan means), and each error names its place, as in "stages[2].steps[0].op".

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "engine/plan/physical_plan.h"

namespace raceway::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLineWidth = 100;
constexpr int kMaxDepth = 1400;  // of nested arrays and objects; the reader recurses

// ---- writing ----

std::string Compact(const Json& json) {
  // Invalid UTF-8 cannot be JSON; the compiler lets none through.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Like `Compact`, with a space after each comma and colon.
std::string OneLine(const Json& json) {
  std::string text;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      text += text.empty() ? "" : ", ";
      text += Compact(key) + ": " + OneLine(value);
    }
    return "{" + text + "}";
  }
  if (json.is_array()) {
    for (const Json& item : json) text += (text.empty() ? "" : ", ") + OneLine(item);
    return "[" + text + "]";
  }
  return Compact(json);
}

// What fits is written on one line, `indent` and the key before it included.
void Pretty(const Json& json, size_t indent, size_t before, bool may_be_one_line,
            std::string& text) {
  if (may_be_one_line || !json.is_structured() || json.empty()) {
    const std::string line = OneLine(json);
    if (indent + before + line.size() < kLineWidth || !json.is_structured()) {
      text += line;
      return;
    }
  }
  text += json.is_object() ? "{\n" : "[\n";
  bool first = true;
  for (const auto& [key, value] : json.items()) {
    if (!first) text += ",\n";
    first = false;
    text.append(indent + 2, ' ');
    const std::string name = json.is_object() ? Compact(key) + ": " : "";
    text += name;
    // A stage is a block of its own however short it is.
    const bool is_stage = json.is_array() && value.is_object() && value.contains("steps");
    const bool are_stages = value.is_array() && !value.empty() && value[0].contains("steps");
    Pretty(value, indent + 2, name.size(), !is_stage && !are_stages, text);
  }
  text += '\n';
  text.append(indent, ' ');
  text += json.is_object() ? '}' : ']';
}

// JSON has no infinities: { "$float": "inf" }. A record's own "$…" gets a second sign.
Json FromValue(const Value& value) {
  if (const bool* boolean = value.AsBool()) return *boolean;
  if (const int64_t* integer = value.AsInt()) return *integer;
  if (const std::string* text = value.AsString()) return *text;
  if (const Value::List* list = value.AsList()) {
    Json json = Json::array();
    for (const Value& item : *list) json.push_back(FromValue(item));
    return json;
  }
  if (const Value::Record* record = value.AsRecord()) {
    Json json = Json::object();
    for (const auto& [key, item] : *record) {
      json[key.starts_with('$') ? "$" + key : key] = FromValue(item);
    }
    return json;
  }
  if (const std::optional<double> number = value.AsNumber()) {
    if (std::isfinite(*number)) return *number;
    return Json::object({{"$float", std::isnan(*number) ? "nan" : *number > 0 ? "inf" : "-inf"}});
  }
  return nullptr;
}

Json FromSchema(const Schema& schema) {
  Json json = Json::array();
  for (const Field& field : schema.fields()) {
    json.push_back(Json::array({field.name, ToString(field.type)}));
  }
  return json;
}

Json FromExpression(const Expression& expression) {
  Json json = Json::object();
  switch (expression.kind) {
    case Expression::Kind::kColumn: json["column"] = expression.name; break;
    case Expression::Kind::kConstant: json["constant"] = FromValue(expression.constant); break;
    case Expression::Kind::kCall: json["call"] = expression.name; break;
  }
  json["type"] = ToString(expression.type);
  if (expression.kind == Expression::Kind::kCall) {
    Json& args = json["args"] = Json::array();
    for (const Expression& arg : expression.args) args.push_back(FromExpression(arg));
  }
  return json;
}

Json FromPairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json json = Json::array();
  for (const auto& [left, right] : pairs) json.push_back(Json::array({left, right}));
  return json;
}

// By the name of the stage, which a reader finds, or by its number where that name is not its own.
Json FromPort(const std::vector<StageSpec>& stages, Port port) {
  if (port.stage < 0) return Json::object({{"input", port.output}});
  Json stage = port.stage;
  for (size_t i = 0; i < stages.size(); ++i) {
    const auto index = static_cast<size_t>(port.stage);
    if (index >= stages.size() || stages[i].name != stages[index].name) continue;
    if (i == index) stage = stages[i].name;
    break;
  }
  Json json = Json::object({{"stage", std::move(stage)}});
  if (port.output != 0) json["output"] = port.output;
  return json;
}

Json FromHints(const std::vector<HintSpec>& hints) {
  Json json = Json::array();
  for (const HintSpec& hint : hints) {
    json.push_back(Json::object({{"name", hint.name},
                                 {"value", FromValue(hint.value)},
                                 {"text", hint.text},
                                 {"origin", hint.origin},
                                 {"where", hint.where}}));
  }
  return json;
}

Json FromFiles(const std::vector<FileSpec>& files) {
  Json json = Json::array();
  for (const FileSpec& file : files) {
    json.push_back(Json::object(
        {{"path", file.path}, {"sha256", file.sha256}, {"num_bytes", file.num_bytes}}));
  }
  return json;
}

Json FromStage(const std::vector<StageSpec>& stages, const StageSpec& stage);

Json FromBranch(const BranchSpec& branch) {
  Json json = Json::object({{"name", branch.name}});
  json["stages"] = Json::array();
  for (const StageSpec& stage : branch.stages) {
    json["stages"].push_back(FromStage(branch.stages, stage));
  }
  json["output"] = FromPort(branch.stages, branch.output);
  if (!branch.accept.empty()) json["accept"] = branch.accept;
  return json;
}

Json FromStep(const StepSpec& step) {
  Json json = Json::object({{"op", step.op}, {"label", step.label}, {"origin", step.origin}});
  if (!step.arguments.empty()) json["arguments"] = FromPairs(step.arguments);
  if (!step.results.empty()) json["results"] = FromPairs(step.results);
  for (const NamedExpression& named : step.expressions) {
    json["expressions"].push_back(Json::array({named.name, FromExpression(named.expression)}));
  }
  for (const auto& [column, from] : step.sources) {
    json["sources"].push_back(Json::array({column, from}));
  }
  if (!step.options.empty()) json["options"] = FromValue(Value(step.options));
  if (!step.hints.empty()) json["hints"] = FromHints(step.hints);
  for (const BranchSpec& branch : step.branches) json["branches"].push_back(FromBranch(branch));
  json["outputs"] = Json::array();
  for (const Schema& schema : step.outputs) json["outputs"].push_back(FromSchema(schema));
  if (step.unread.size() > 0) json["unread"] = FromSchema(step.unread);
  return json;
}

Json FromStage(const std::vector<StageSpec>& stages, const StageSpec& stage) {
  Json json = Json::object({{"name", stage.name}, {"device", stage.device}});
  if (stage.own_task) json["own_task"] = true;
  json["inputs"] = Json::array();
  for (const Port port : stage.inputs) json["inputs"].push_back(FromPort(stages, port));
  json["steps"] = Json::array();
  for (const StepSpec& step : stage.steps) json["steps"].push_back(FromStep(step));
  return json;
}

// ---- reading ----

// Thrown within this file only.
struct Malformed {
  ErrorCode code;
  std::string message;
};

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  const std::string place = where.empty() ? "" : where + ": ";
  throw Malformed{ErrorCode::kInvalidArgument, "not a plan: " + place + what};
}

std::string KindOf(const Json& json) {
  if (json.is_number_float()) return "a number with a fraction";
  if (json.is_number()) return "an integer";
  if (json.is_string()) return "a string";
  if (json.is_boolean()) return json.get<bool>() ? "true" : "false";
  if (json.is_null()) return "null";
  return json.is_array() ? "an array" : "an object";
}

// A value of the document and the way to it.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  const Json& json() const { return json_; }
  [[noreturn]] void Wants(const std::string& what) const {
    Fail(where_, "wants " + what + ", has " + KindOf(json_));
  }
  [[noreturn]] void Says(const std::string& what) const { Fail(where_, what); }

  const std::string& String() const {
    if (!json_.is_string()) Wants("a string");
    return json_.get_ref<const std::string&>();
  }
  bool Bool() const {
    if (!json_.is_boolean()) Wants("true or false");
    return json_.get<bool>();
  }
  int64_t Integer() const {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!json_.is_number_integer()) Wants("an integer");
    if (json_.is_number_unsigned() && json_.get<uint64_t>() > kMax) Says("integer too large");
    return json_.get<int64_t>();
  }
  int32_t Index() const {
    const int64_t value = Integer();
    if (value < 0 || value > std::numeric_limits<int32_t>::max()) Says("no such number");
    return static_cast<int32_t>(value);
  }

  /// The member `key`; it must be there.
  Reader operator[](const char* key) const {
    Object();
    const auto found = json_.find(key);
    if (found == json_.end()) Says("has no `" + std::string(key) + "`");
    return {*found, Below(key)};
  }
  std::optional<Reader> Maybe(const char* key) const {
    Object();
    const auto found = json_.find(key);
    if (found == json_.end()) return std::nullopt;
    return Reader(*found, Below(key));
  }
  /// That it is an object whose members are all among `keys`.
  void Only(std::initializer_list<std::string_view> keys) const {
    Object();
    for (const auto& [key, value] : json_.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) Says("unknown `" + key + "`");
    }
  }

  template <typename Read>
  auto List(Read read) const {
    if (!json_.is_array()) Wants("an array");
    std::vector<decltype(read(*this))> items;
    items.reserve(json_.size());
    for (size_t i = 0; i < json_.size(); ++i) items.push_back(read(Item(i)));
    return items;
  }
  /// Item `i` of an array of exactly two.
  Reader Half(size_t i) const {
    if (!json_.is_array() || json_.size() != 2) Says("wants an array of two");
    return Item(i);
  }
  Reader Item(size_t i) const { return {json_[i], where_ + "[" + std::to_string(i) + "]"}; }

 private:
  void Object() const {
    if (!json_.is_object()) Wants("an object");
  }
  std::string Below(const std::string& key) const {
    return where_.empty() ? key : where_ + "." + key;
  }

  const Json& json_;
  std::string where_;
};

Value ToValue(const Reader& reader) {
  const Json& json = reader.json();
  if (json.is_null()) return {};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_number()) return reader.Integer();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) return reader.List(ToValue);
  Value::Record record;
  for (const auto& [key, value] : json.items()) {
    if (key == "$float") {
      const std::string& text = reader["$float"].String();
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
      if (text == "inf") return kInfinity;
      if (text == "-inf") return -kInfinity;
      reader.Says("unknown `$float`");
    }
    if (key.starts_with('$') && !key.starts_with("$$")) reader.Says("unknown `" + key + "`");
    record.emplace_back(key.starts_with('$') ? key.substr(1) : key, ToValue(reader[key.c_str()]));
  }
  return record;
}

Type ToType(const Reader& reader) {
  const std::optional<Type> type = TypeFromString(reader.String());
  if (!type) reader.Says("no type: `" + reader.String() + "`");
  return *type;
}

Schema ToSchema(const Reader& reader) {
  return Schema(reader.List([](const Reader& field) {
    return Field{field.Half(0).String(), ToType(field.Half(1))};
  }));
}

Expression ToExpression(const Reader& reader) {
  if (const auto column = reader.Maybe("column")) {
    reader.Only({"column", "type"});
    return Expression::Column(column->String(), ToType(reader["type"]));
  }
  if (const auto constant = reader.Maybe("constant")) {
    reader.Only({"constant", "type"});
    return Expression::Constant(ToValue(*constant), ToType(reader["type"]));
  }
  if (const auto call = reader.Maybe("call")) {
    reader.Only({"call", "type", "args"});
    return Expression::Call(call->String(), reader["args"].List(ToExpression),
                            ToType(reader["type"]));
  }
  reader.Says("wants a `column`, a `constant` or a `call`");
}

std::pair<std::string, std::string> ToPair(const Reader& reader) {
  return {reader.Half(0).String(), reader.Half(1).String()};
}

// Finds stages by name among those read so far: stages come before those that read them.
Port ToPort(const Reader& reader, const std::vector<StageSpec>& stages) {
  if (const auto input = reader.Maybe("input")) {
    reader.Only({"input"});
    return {-1, input->Index()};
  }
  reader.Only({"stage", "output"});
  Port port;
  const auto output = reader.Maybe("output");
  port.output = output ? output->Index() : 0;
  const Reader stage = reader["stage"];
  if (stage.json().is_number()) {
    port.stage = stage.Index();
    return port;
  }
  for (size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].name != stage.String()) continue;
    port.stage = static_cast<int32_t>(i);
    return port;
  }
  stage.Says("no stage `" + stage.String() + "` before this place");
}

std::vector<HintSpec> ToHints(const Reader& reader) {
  return reader.List([](const Reader& hint) {
    hint.Only({"name", "value", "text", "origin", "where"});
    return HintSpec{hint["name"].String(), ToValue(hint["value"]), hint["text"].String(),
                    hint["origin"].String(), hint["where"].String()};
  });
}

std::vector<FileSpec> ToFiles(const Reader& reader) {
  return reader.List([](const Reader& file) {
    file.Only({"path", "sha256", "num_bytes"});
    return FileSpec{file["path"].String(), file["sha256"].String(), file["num_bytes"].Integer()};
  });
}

BranchSpec ToBranch(const Reader& reader);

StepSpec ToStep(const Reader& reader) {
  reader.Only({"op", "label", "origin", "arguments", "results", "expressions", "sources", "options",
               "hints", "branches", "outputs", "unread"});
  StepSpec step;
  step.op = reader["op"].String();
  step.label = reader["label"].String();
  step.origin = reader["origin"].String();
  if (const auto arguments = reader.Maybe("arguments")) step.arguments = arguments->List(ToPair);
  if (const auto results = reader.Maybe("results")) step.results = results->List(ToPair);
  if (const auto expressions = reader.Maybe("expressions")) {
    step.expressions = expressions->List([](const Reader& named) {
      return NamedExpression{named.Half(0).String(), ToExpression(named.Half(1))};
    });
  }
  if (const auto sources = reader.Maybe("sources")) {
    step.sources = sources->List([](const Reader& source) {
      const auto text = [](const Reader& column) { return column.String(); };
      return std::pair(source.Half(0).String(), source.Half(1).List(text));
    });
  }
  if (const auto options = reader.Maybe("options")) {
    Value value = ToValue(*options);
    if (value.AsRecord() == nullptr) options->Wants("an object");
    step.options = std::move(*value.AsRecord());
  }
  if (const auto hints = reader.Maybe("hints")) step.hints = ToHints(*hints);
  if (const auto branches = reader.Maybe("branches")) step.branches = branches->List(ToBranch);
  step.outputs = reader["outputs"].List(ToSchema);
  if (const auto unread = reader.Maybe("unread")) step.unread = ToSchema(*unread);
  return step;
}

StageSpec ToStage(const Reader& reader, const std::vector<StageSpec>& before) {
  reader.Only({"name", "device", "own_task", "inputs", "steps"});
  StageSpec stage;
  stage.name = reader["name"].String();
  stage.device = reader["device"].String();
  if (const auto own_task = reader.Maybe("own_task")) stage.own_task = own_task->Bool();
  stage.inputs = reader["inputs"].List([&](const Reader& port) { return ToPort(port, before); });
  stage.steps = reader["steps"].List(ToStep);
  if (stage.steps.empty()) reader["steps"].Says("wants at least one step");
  return stage;
}

std::vector<StageSpec> ToStages(const Reader& reader) {
  if (!reader.json().is_array()) reader.Wants("an array");
  std::vector<StageSpec> stages;
  for (size_t i = 0; i < reader.json().size(); ++i) {
    stages.push_back(ToStage(reader.Item(i), stages));
  }
  return stages;
}

BranchSpec ToBranch(const Reader& reader) {
  reader.Only({"name", "stages", "output", "accept"});
  BranchSpec branch;
  branch.name = reader["name"].String();
  branch.stages = ToStages(reader["stages"]);
  branch.output = ToPort(reader["output"], branch.stages);
  if (const auto accept = reader.Maybe("accept")) branch.accept = accept->String();
  return branch;
}

PhysicalPlan ToPlan(const Reader& reader) {
  const int64_t format = reader["raceway_plan"].Integer();
  if (format > PhysicalPlan::kFormat) {
    throw Malformed{ErrorCode::kUnsupported, "the plan has format " + std::to_string(format) +
                                                 ", this release reads up to " +
                                                 std::to_string(PhysicalPlan::kFormat)};
  }
  if (format < 1) reader["raceway_plan"].Says("no such format");
  if (format < PhysicalPlan::kFormat) {
    throw Malformed{ErrorCode::kUnsupported, "the plan has format " + std::to_string(format) +
                                                 ", of an older release: compile its flow again"};
  }
  reader.Only({"raceway_plan", "flow", "inputs", "stages", "results", "files", "sources", "slo"});

  PhysicalPlan plan;
  plan.flow = reader["flow"].String();
  plan.inputs = reader["inputs"].List([](const Reader& input) {
    input.Only({"name", "schema", "caller_names", "defaults"});
    InputSpec spec{input["name"].String(), ToSchema(input["schema"])};
    if (const auto names = input.Maybe("caller_names")) {
      spec.caller_names = names->List([](const Reader& name) { return name.String(); });
    }
    if (const auto defaults = input.Maybe("defaults")) {
      spec.defaults = defaults->List([](const Reader& value) {
        return std::pair(value.Half(0).String(), ToValue(value.Half(1)));
      });
    }
    return spec;
  });
  plan.stages = ToStages(reader["stages"]);
  plan.results = reader["results"].List([&](const Reader& result) {
    result.Only({"name", "output", "columns"});
    return ResultSpec{result["name"].String(), ToPort(result["output"], plan.stages),
                      result["columns"].List(ToPair)};
  });
  plan.files = ToFiles(reader["files"]);
  if (const auto sources = reader.Maybe("sources")) plan.sources = ToFiles(*sources);
  if (const auto slo = reader.Maybe("slo")) plan.slo = ToHints(*slo);
  return plan;
}

// Sees the document as it is parsed: what is lost afterwards (a key twice) and what must not be
// built (nesting that would overflow a stack).
class ParseGuard {
 public:
  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) Fail("", "nested too deeply");
    switch (event) {
      case Json::parse_event_t::object_start: keys_.emplace_back(); break;
      case Json::parse_event_t::object_end: keys_.pop_back(); break;
      case Json::parse_event_t::key:
        if (!keys_.back().insert(parsed.get<std::string>()).second) {
          Fail("", "`" + parsed.get<std::string>() + "` twice in one object");
        }
        break;
      default: break;
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

std::string ToJson(const PhysicalPlan& plan) {
  Json json = Json::object({{"raceway_plan", PhysicalPlan::kFormat}, {"flow", plan.flow}});
  json["inputs"] = Json::array();
  for (const InputSpec& input : plan.inputs) {
    json["inputs"].push_back(
        Json::object({{"name", input.name}, {"schema", FromSchema(input.schema)}}));
    if (!input.caller_names.empty()) json["inputs"].back()["caller_names"] = input.caller_names;
    for (const auto& [column, value] : input.defaults) {
      json["inputs"].back()["defaults"].push_back(Json::array({column, FromValue(value)}));
    }
  }
  json["stages"] = Json::array();
  for (const StageSpec& stage : plan.stages)
    json["stages"].push_back(FromStage(plan.stages, stage));
  json["results"] = Json::array();
  for (const ResultSpec& result : plan.results) {
    json["results"].push_back(Json::object({{"name", result.name},
                                            {"output", FromPort(plan.stages, result.output)},
                                            {"columns", FromPairs(result.columns)}}));
  }
  json["files"] = FromFiles(plan.files);
  if (!plan.sources.empty()) json["sources"] = FromFiles(plan.sources);
  if (!plan.slo.empty()) json["slo"] = FromHints(plan.slo);
  std::string text;
  Pretty(json, 0, 0, false, text);
  return text + "\n";
}

Result<PhysicalPlan> PlanFromJson(std::string_view text) {
  try {
    ParseGuard guard;
    const Json json = Json::parse(text, std::ref(guard));
    return ToPlan(Reader(json, ""));
  } catch (const Malformed& malformed) {
    return Error{malformed.code, malformed.message};
  } catch (const Json::exception& exception) {
    std::string message = exception.what();  // "[json.exception.parse_error.101] parse error at …"
    if (const size_t end = message.find("] "); end != std::string::npos) message.erase(0, end + 2);
    return Error{ErrorCode::kInvalidArgument, "not a plan: " + message};
  }
}

}  // namespace raceway::engine
