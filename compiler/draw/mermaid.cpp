#include "compiler/draw/drawing.h"

namespace raceway::compiler {
namespace {

constexpr size_t kBoxWidth = 44;    // code points
constexpr size_t kArrowWidth = 26;  // likewise

/// Within quotes, where `#` begins a character's number and a backtick Markdown.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '"': escaped += "#quot;"; break;
      case '<': escaped += "#lt;"; break;
      case '>': escaped += "#gt;"; break;
      case '&': escaped += "#amp;"; break;
      case '#': escaped += "#35;"; break;
      case '`': escaped += "#96;"; break;
      default: escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

void AddLines(const std::string& text, size_t width, std::string& label) {
  for (const std::string& line : Wrapped(text, width)) {
    label += (label.empty() ? "" : "<br/>") + Escaped(line);
  }
}

std::string LabelOf(const Box& box) {
  std::string label;
  for (const Box::Line& line : box.lines) AddLines(line.text, kBoxWidth, label);
  AddLines(box.note, kBoxWidth + 12, label);
  for (const std::string& hint : box.hints) AddLines(hint, kBoxWidth + 12, label);
  return label;
}

std::string NodeOf(const Box& box) {
  const std::string label = "\"" + LabelOf(box) + "\"";
  return box.kind == Box::Kind::kStage ? "[" + label + "]" : "([" + label + "])";
}

}  // namespace

std::string ToMermaid(const Drawing& drawing, const DrawOptions& options) {
  std::string text = drawing.goes_down ? "flowchart TD\n" : "flowchart LR\n";
  std::string models;
  for (size_t i = 0; i < drawing.boxes.size(); ++i) {
    const std::string id = "n" + std::to_string(i);
    text += "  " + id + NodeOf(drawing.boxes[i]) + "\n";
    if (drawing.boxes[i].calls_model) models += (models.empty() ? "" : ",") + id;
  }
  for (const Arrow& arrow : drawing.arrows) {
    std::string label;
    AddLines(arrow.when, kArrowWidth, label);
    if (options.schemas) {
      for (const std::string& column : arrow.columns) AddLines(column, kBoxWidth, label);
    }
    text += "  n" + std::to_string(arrow.from) + " -->" +
            (label.empty() ? " " : "|\"" + label + "\"| ") + "n" + std::to_string(arrow.to) + "\n";
  }
  if (!models.empty()) {
    text += "  classDef model fill:#e3ecfa,stroke:#3b5b92\n  class " + models + " model\n";
  }
  return text;
}

}  // namespace raceway::compiler
