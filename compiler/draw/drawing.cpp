#include "compiler/draw/drawing.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "compiler/plan/infix.h"
#include "engine/duration.h"

namespace raceway::compiler {
namespace {

/// A longer way from the table to the result goes down the page.
constexpr int kMostBoxesAcross = 7;
constexpr size_t kMostLines = 6;

std::string List(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// A column's name as the flow has it, without the number of those defined anew: "conf.2" is
/// `conf`.
std::string AsWritten(const std::string& column) {
  const size_t last = column.find_last_not_of("0123456789");
  const bool is_numbered =
      last != std::string::npos && last > 0 && column[last] == '.' && last + 1 < column.size();
  return is_numbered ? column.substr(0, last) : column;
}

engine::Expression AsWritten(engine::Expression expression) {
  if (expression.kind == engine::Expression::Kind::kColumn) {
    expression.name = AsWritten(expression.name);
  }
  for (engine::Expression& arg : expression.args) arg = AsWritten(std::move(arg));
  return expression;
}

std::string Text(const engine::Expression& expression) { return Infix(AsWritten(expression)); }

bool IsModel(const Step& step) {
  return step.kind == StepKind::kMap && step.function.kind == FunctionSpec::Kind::kModel;
}

/// Itself, or in one of its branches.
bool CallsModel(const Step& step) {
  return IsModel(step) ||
         std::any_of(step.branches.begin(), step.branches.end(), [](const Branch& branch) {
           return std::any_of(branch.stages.begin(), branch.stages.end(), [](const Stage& stage) {
             return std::any_of(stage.steps.begin(), stage.steps.end(), &CallsModel);
           });
         });
}

std::string AggregateText(const Step& step) {
  std::vector<std::string> keys;
  for (const auto& [name, column] : step.arguments) {
    if (name.empty()) keys.push_back(AsWritten(column));
  }
  std::vector<std::string> results;
  for (const auto& [name, column] : step.results) results.push_back(AsWritten(column));
  return "groupby " + List(keys) + ", agg " + List(results);
}

/// What follows the name of the step.
std::string Details(const Step& step) {
  std::vector<std::string> parts;
  switch (step.kind) {
    case StepKind::kDerive:
      for (const auto& named : step.expressions) parts.push_back(AsWritten(named.name));
      break;
    case StepKind::kFilter:
    case StepKind::kFail:
      for (const auto& named : step.expressions) parts.push_back(Text(named.expression));
      break;
    case StepKind::kSort:
      for (const auto& [order, key] : step.expressions) {
        parts.push_back((order == "descending" ? "descending " : "") + Text(key));
      }
      break;
    case StepKind::kExplode:
      for (const auto& [name, column] : step.arguments) parts.push_back(AsWritten(column));
      break;
    case StepKind::kLookup:
    case StepKind::kPrefetch: parts.push_back(step.function.name); break;
    case StepKind::kLimit: parts.push_back(ToString(step.options.front().second)); break;
    case StepKind::kJoin:
      parts.emplace_back(step.arguments.empty() ? "by row"
                                                : "on " + AsWritten(step.arguments[0].second));
      break;
    default: break;
  }
  return List(parts);
}

/// "map(qa) rescue derive, within 900ms"
std::string GuardText(const Step& step) {
  const engine::Value options(step.options);
  std::string text = step.label;
  if (options.Find("on_error") != nullptr) text += ", failed rows dropped";
  if (const engine::Value* limit = options.Find("timeout")) {
    text += ", within " + engine::ToString(std::chrono::nanoseconds(*limit->AsInt()));
  }
  return text;
}

std::string LineOf(const Step& step) {
  if (step.kind == StepKind::kMap) return step.function.name;
  if (step.kind == StepKind::kAgg) return AggregateText(step);
  if (step.kind == StepKind::kGuard) return GuardText(step);
  const std::string details = Details(step);
  if (step.kind == StepKind::kFilter && IsSizeCheck(step.expressions.front().expression)) {
    return "check " + details;
  }
  std::string name(NameOf(step.kind));
  const engine::Value options(step.options);
  if (const engine::Value* how = options.Find("how")) name = *how->AsString() + " " + name;
  return details.empty() ? name : name + " " + details;
}

/// "int8: rank_int8 → derive score", a line for each branch. One that stands alone was named.
void AddBranches(const Step& step, std::vector<Box::Line>& lines) {
  if (step.branches.size() == 1 && step.branches.front().stages.size() == 1 &&
      step.branches.front().stages.front().steps.size() == 1) {
    lines.back().is_model = CallsModel(step);
    return;
  }
  for (const Branch& branch : step.branches) {
    std::string steps;
    bool calls_model = false;
    for (const Stage& stage : branch.stages) {
      for (const Step& inside : stage.steps) {
        steps += (steps.empty() ? "" : " → ") + LineOf(inside);
        calls_model = calls_model || CallsModel(inside);
      }
    }
    lines.push_back({branch.name + ": " + (steps.empty() ? "as it is" : steps), calls_model});
  }
}

/// Functions in a row share a line, `derive`s in a row too.
std::vector<Box::Line> LinesOf(const Stage& stage) {
  std::vector<Box::Line> lines;
  const Step* before = nullptr;
  for (const Step& step : stage.steps) {
    const bool goes_on =
        before != nullptr && before->kind == step.kind && !IsModel(step) && !IsModel(*before);
    if (goes_on && step.kind == StepKind::kMap) {
      lines.back().text += " → " + LineOf(step);
    } else if (goes_on && step.kind == StepKind::kDerive) {
      lines.back().text += ", " + Details(step);
    } else {
      lines.push_back({LineOf(step), IsModel(step)});
      AddBranches(step, lines);
    }
    before = &step;
  }
  return lines;
}

/// The stage's name, unless it only numbers the kind of step that the box begins with.
std::string NoteOf(const Stage& stage) {
  const std::string name = AsWritten(stage.name);
  const bool says_kind = name == NameOf(stage.steps.front().kind) || name == "route";
  std::string note = says_kind ? "" : stage.name + " · ";
  if (stage.steps.size() > 1) note += std::to_string(stage.steps.size()) + " steps fused · ";
  note += stage.device;
  return stage.own_task ? note + " · own task" : note;
}

/// The hints of steps, also of those in branches, each as often as it says something else.
void AddHints(const std::vector<Step>& steps, std::vector<std::string>& texts) {
  for (const Step& step : steps) {
    for (const Hint& hint : step.hints) {
      std::string text =
          hint.name + " " + hint.text + " (" + std::string(NameOf(hint.origin)) + ")";
      if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
        texts.push_back(std::move(text));
      }
    }
    for (const Branch& branch : step.branches) {
      for (const Stage& stage : branch.stages) AddHints(stage.steps, texts);
    }
  }
}

std::vector<std::string> HintsOf(const Stage& stage) {
  std::vector<std::string> texts;
  AddHints(stage.steps, texts);
  return texts;
}

Box BoxOf(const Stage& stage) {
  return {Box::Kind::kStage, LinesOf(stage), NoteOf(stage), HintsOf(stage),
          std::any_of(stage.steps.begin(), stage.steps.end(), &CallsModel)};
}

std::vector<std::string> Typed(const LogicalPlan& plan, const std::vector<std::string>& columns) {
  std::vector<std::string> typed;
  typed.reserve(columns.size());
  for (const std::string& column : columns) {
    // Two of one name keep their numbers.
    const auto same = std::count_if(columns.begin(), columns.end(), [&](const std::string& other) {
      return AsWritten(other) == AsWritten(column);
    });
    typed.push_back((same > 1 ? column : AsWritten(column)) + ": " +
                    ToString(plan.columns.at(column)));
  }
  return typed;
}

/// Rows of `port` on their way to the box `to`. First come the boxes of the inputs, then the
/// stages.
Arrow ArrowFrom(const LogicalPlan& plan, Port port, size_t to) {
  const size_t from = port.stage < 0 ? static_cast<size_t>(port.output)
                                     : plan.inputs.size() + static_cast<size_t>(port.stage);
  Arrow arrow{from, to, "", Typed(plan, plan.ColumnsOf(port))};
  if (port.stage < 0) return arrow;
  const Step& last = plan.stages[static_cast<size_t>(port.stage)].steps.back();
  if (last.kind != StepKind::kSplit) return arrow;
  const auto branch = static_cast<size_t>(port.output);
  const bool is_rest = branch == last.expressions.size();
  arrow.when = is_rest
                   ? "else"
                   : (branch > 0 ? "else if " : "if ") + Text(last.expressions[branch].expression);
  return arrow;
}

int LongestWay(const Drawing& drawing) {
  std::vector<int> length(drawing.boxes.size(), 1);
  // Arrows are in the order of the boxes they end at.
  for (const Arrow& arrow : drawing.arrows) {
    length[arrow.to] = std::max(length[arrow.to], length[arrow.from] + 1);
  }
  return *std::max_element(length.begin(), length.end());
}

size_t NumCodePoints(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// The bytes of the first `count` code points.
size_t BytesOf(std::string_view text, size_t count) {
  size_t bytes = 0;
  while (bytes < text.size() && (count > 0 || (text[bytes] & 0xc0) == 0x80)) {
    if ((text[bytes] & 0xc0) != 0x80) --count;
    ++bytes;
  }
  return bytes;
}

}  // namespace

Drawing Draw(const LogicalPlan& plan) {
  Drawing drawing;
  drawing.title = plan.flow;
  for (const PlanInput& input : plan.inputs) {
    drawing.boxes.push_back({Box::Kind::kInput, {{input.name}}, "", {}, false});
  }
  for (const Stage& stage : plan.stages) {
    drawing.boxes.push_back(BoxOf(stage));
    for (const Port port : stage.inputs) {
      drawing.arrows.push_back(ArrowFrom(plan, port, drawing.boxes.size() - 1));
    }
  }
  for (const PlanResult& result : plan.results) {
    const std::string name = result.name.empty() ? "result" : result.name;
    drawing.boxes.push_back({Box::Kind::kResult, {{name}}, "", {}, false});
    Arrow last = ArrowFrom(plan, result.output, drawing.boxes.size() - 1);
    last.columns.clear();
    for (const auto& [column, id] : result.columns) {
      last.columns.push_back(column + ": " + ToString(plan.columns.at(id)));
    }
    drawing.arrows.push_back(std::move(last));
  }
  drawing.goes_down = LongestWay(drawing) > kMostBoxesAcross;
  return drawing;
}

std::vector<std::string> Wrapped(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (lines.size() == kMostLines) {
      lines.back() += " …";
      break;
    }
    size_t end = BytesOf(rest, width);
    if (NumCodePoints(rest) > width) {
      const size_t space = rest.rfind(' ', end);
      if (space != std::string_view::npos && space > 0) end = space;
    }
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
  }
  return lines;
}

}  // namespace raceway::compiler
