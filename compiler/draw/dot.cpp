#include <string_view>

#include "compiler/draw/drawing.h"
#include "engine/markup.h"

namespace raceway::compiler {
namespace {

constexpr size_t kBoxWidth = 44;    // code points
constexpr size_t kArrowWidth = 26;  // likewise

constexpr std::string_view kGrey = "#5f6368";

/// Lines one below the other, each within `open` and `close`.
std::string Marked(const std::string& text, size_t width, std::string_view open,
                   std::string_view close) {
  std::string marked;
  for (const std::string& line : Wrapped(text, width)) {
    if (!marked.empty()) marked += "<br/>";
    marked += open;
    marked += engine::EscapedMarkup(line);
    marked += close;
  }
  return marked;
}

std::string LabelOf(const Box& box) {
  std::string label;
  for (const Box::Line& line : box.lines) {
    if (!label.empty()) label += "<br/>";
    label += Marked(line.text, kBoxWidth, line.is_model ? "<b>" : "", line.is_model ? "</b>" : "");
  }
  if (box.note.empty()) return label;
  const std::string small = "<font point-size=\"9\" color=\"" + std::string(kGrey) + "\">";
  label += "<br/>" + Marked(box.note, kBoxWidth + 12, small, "</font>");
  for (const std::string& hint : box.hints) {
    label += "<br/>" + Marked(hint, kBoxWidth + 12, small + "<i>", "</i></font>");
  }
  return label;
}

std::string StyleOf(const Box& box) {
  switch (box.kind) {
    case Box::Kind::kInput:
    case Box::Kind::kResult: return R"(shape=plaintext margin="0.04,0.04")";
    case Box::Kind::kStage: break;
  }
  return box.calls_model ? R"(fillcolor="#e3ecfa" color="#3b5b92")"
                         : R"(fillcolor="#f7f7f5" color="#8a8a85")";
}

std::string LabelOf(const Arrow& arrow, const DrawOptions& options) {
  // The spaces keep the text off the arrow.
  std::string label = Marked(arrow.when, kArrowWidth, "<i> &#160;", "&#160; </i>");
  if (!options.schemas || arrow.columns.empty()) return label;
  std::string columns;
  for (const std::string& column : arrow.columns) {
    if (!columns.empty()) columns += "<br align=\"left\"/>";
    columns += "&#160;" + engine::EscapedMarkup(column) + "&#160;";
  }
  if (!label.empty()) label += "<br/>";
  return label + "<font color=\"" + std::string(kGrey) + "\">" + columns +
         "<br align=\"left\"/></font>";
}

}  // namespace

std::string ToDot(const Drawing& drawing, const DrawOptions& options) {
  std::string text = "digraph \"" + engine::EscapedMarkup(drawing.title) + "\" {\n";
  text += drawing.goes_down ? "  rankdir=TB\n" : "  rankdir=LR ordering=out\n";
  text +=
      "  bgcolor=white pad=0.2 nodesep=0.3 ranksep=0.35\n"
      "  node [shape=box style=\"rounded,filled\" fillcolor=white fontname=\"Helvetica\" "
      "fontsize=12 margin=\"0.16,0.09\"]\n"
      "  edge [color=\"#5f6368\" fontname=\"Helvetica\" fontsize=10 arrowsize=0.7]\n";
  for (size_t i = 0; i < drawing.boxes.size(); ++i) {
    text += "  n" + std::to_string(i) + " [label=<" + LabelOf(drawing.boxes[i]) + "> " +
            StyleOf(drawing.boxes[i]) + "]\n";
  }
  for (const Arrow& arrow : drawing.arrows) {
    text += "  n" + std::to_string(arrow.from) + " -> n" + std::to_string(arrow.to);
    const std::string label = LabelOf(arrow, options);
    text += label.empty() ? "\n" : " [label=<" + label + ">]\n";
  }
  return text + "}\n";
}

}  // namespace raceway::compiler
