#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/plan/logical_plan.h"

/// A plan as a picture: boxes and arrows first, then the text of a drawing language.
namespace raceway::compiler {

/// A stage, or the flow's table, or its result.
struct Box {
  enum class Kind { kInput, kStage, kResult };
  /// One line of what a stage does.
  struct Line {
    std::string text;
    bool is_model = false;
  };

  Kind kind = Kind::kStage;
  std::vector<Line> lines;
  std::string note;                // kStage: "decode · 8 steps fused · cpu · own task"
  std::vector<std::string> hints;  // kStage: "batch.max 32 (declaration)", each once
  bool calls_model = false;
};

/// Rows that go from a box to a later one.
struct Arrow {
  size_t from = 0;  // indices of `boxes`
  size_t to = 0;
  std::string when;                  // of a branch: "if conf >= 0.5", "else"; empty: always
  std::vector<std::string> columns;  // "px: u8[H, W, 3]"
};

struct Drawing {
  std::string title;
  std::vector<Box> boxes;  // each after those whose rows it reads
  std::vector<Arrow> arrows;
  /// Whether it is so long that it should go down the page rather than across.
  bool goes_down = false;
};

struct DrawOptions {
  bool schemas = false;  // the columns on the arrows
};

/// A placed plan as boxes and arrows.
Drawing Draw(const LogicalPlan& plan);

/// For Graphviz.
std::string ToDot(const Drawing& drawing, const DrawOptions& options);
/// A Mermaid flowchart, as Markdown pages show them.
std::string ToMermaid(const Drawing& drawing, const DrawOptions& options);

/// `text` cut into lines of about `width` code points, at spaces where there are some. What would
/// take more than 6 lines ends in an ellipsis.
std::vector<std::string> Wrapped(const std::string& text, size_t width);

}  // namespace raceway::compiler
