#include "engine/load/load_gantt.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <vector>

#include "engine/markup.h"

namespace raceway::engine::load {
namespace {

// In pixels.
constexpr double kWidth = 1200;
constexpr double kLeft = 100;  // of what is drawn; names stand before it
constexpr double kRight = 1170;
constexpr double kTop = 78;
constexpr double kBar = 14;
constexpr double kRow = 18;        // a bar and the space below it
constexpr double kLaneGap = 8;     // more space between lanes
constexpr double kNarrow = 0.5;    // bars up to this width become one with what follows
constexpr double kThinnest = 0.4;  // as much is drawn of each bar

/// What a bar shows. In the order of the legend.
enum class Kind : uint8_t {
  kScan,
  kDisk,
  kUrgent,
  kCache,
  kVerify,
  kCopy,
  kApply,
  kExecute,
  kWait,
};

struct Style {
  const char* color;
  const char* meaning;
};

/// Colours that also those tell apart who do not see red and green (Okabe and Ito).
constexpr std::array<Style, 9> kStyles = {{
    {"#7a7a7a", "scan, structure"},
    {"#0072b2", "read from the disk"},
    {"#d55e00", "urgent read"},
    {"#56b4e9", "read from the page cache"},
    {"#009e73", "checksum"},
    {"#cc79a7", "copy"},
    {"#8c6bb1", "bind, cast"},
    {"#e69f00", "operator"},
    {"#d9d9d9", "operator waits"},
}};

const Style& StyleOf(Kind kind) { return kStyles[static_cast<size_t>(kind)]; }

Kind KindOf(const LoadEvent& event) {
  switch (event.lane) {
    case Lane::kScan: return Kind::kScan;
    case Lane::kRetrieve:
      if (event.was_cached) return Kind::kCache;
      return event.urgency == Urgency::kUrgent ? Kind::kUrgent : Kind::kDisk;
    case Lane::kVerify: return Kind::kVerify;
    case Lane::kCopy: return Kind::kCopy;
    case Lane::kApply: return Kind::kApply;
    case Lane::kExecute: return Kind::kExecute;
    case Lane::kWait: return Kind::kWait;
  }
  return Kind::kScan;
}

[[gnu::format(printf, 1, 2)]] std::string Print(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

double Milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

std::string Label(double x, double y, std::string_view rest, const std::string& text) {
  return Print("<text x=\"%.1f\" y=\"%.1f\"%.*s>", x, y, static_cast<int>(rest.size()),
               rest.data()) +
         EscapedMarkup(text) + "</text>\n";
}

/// Milliseconds to the right.
struct Axis {
  double longest;  // in ms, > 0

  double At(double ms) const { return kLeft + ms / longest * (kRight - kLeft); }
  /// Between marks: 1, 2 or 5 times a power of ten, and no more than ten marks.
  double Step() const {
    const double power = std::pow(10, std::floor(std::log10(longest / 10)));
    for (const double factor : {1, 2, 5}) {
      if (longest / (factor * power) <= 10) return factor * power;
    }
    return 10 * power;
  }
};

/// One or several events, drawn as one.
struct Bar {
  Kind kind;
  double begin;  // in pixels
  double end;
  double begin_ms;
  double end_ms;
  size_t num_events;
  size_t event;  // the first
  uint64_t num_bytes;
};

std::vector<Bar> BarsOf(const LoadTrace& trace, const TraceRow& row, const Axis& axis) {
  std::vector<Bar> bars;
  for (const size_t index : row.events) {
    const LoadEvent& event = trace.events[index];
    const double begin = Milliseconds(event.begin - trace.begin);
    const double end = Milliseconds(event.end - trace.begin);
    const Kind kind = KindOf(event);
    if (!bars.empty()) {
      Bar& last = bars.back();
      const bool is_narrow = axis.At(end) - axis.At(begin) <= kNarrow &&
                             (last.num_events > 1 || last.end - last.begin <= kNarrow);
      if (last.kind == kind && is_narrow && axis.At(begin) - last.end <= kNarrow) {
        last.end = axis.At(end);
        last.end_ms = end;
        last.num_bytes += event.num_bytes;
        ++last.num_events;
        continue;
      }
    }
    bars.push_back({kind, axis.At(begin), axis.At(end), begin, end, 1, index, event.num_bytes});
  }
  return bars;
}

/// What a viewer shows of a bar that is pointed at.
std::string TooltipOf(const Bar& bar, const LoadEvent& event) {
  std::string text = bar.num_events > 1 ? std::to_string(bar.num_events) + " of them" : event.name;
  if (bar.num_events == 1 && event.chunk >= 0) text += "chunk " + std::to_string(event.chunk);
  if (bar.num_events == 1 && event.storage >= 0) text += "storage " + std::to_string(event.storage);
  if (bar.num_bytes > 0) text += Print(", %.3f MB", static_cast<double>(bar.num_bytes) / 1e6);
  return std::string(StyleOf(bar.kind).meaning) + ": " + text +
         Print(", %.3f to %.3f ms", bar.begin_ms, bar.end_ms);
}

class Picture {
 public:
  explicit Picture(const LoadReport& report)
      : report_(report), rows_(RowsOf(report.trace)), axis_{LongestOf(report)} {
    double y = kTop;
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (i > 0 && rows_[i].lane != rows_[i - 1].lane) y += kLaneGap;
      tops_.push_back(y);
      y += kRow;
    }
    bottom_ = y;
  }

  std::string Text() && {
    AddTitle();
    AddMarks();
    for (size_t i = 0; i < rows_.size(); ++i) AddRow(rows_[i], tops_[i]);
    AddLine(Milliseconds(report_.figures.total), "answer", "#000000", "");
    if (report_.limit) {
      AddLine(Milliseconds(report_.limit->time), "limit", "#b00020", " stroke-dasharray=\"5 3\"");
    }
    AddLegend();
    const double height = bottom_ + 62;
    return Print(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
               "viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, sans-serif\" "
               "font-size=\"12\" fill=\"#222222\">\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
               kWidth, height, kWidth, height) +
           body_ + "</svg>\n";
  }

 private:
  static double LongestOf(const LoadReport& report) {
    std::chrono::nanoseconds longest = report.figures.total;
    if (report.limit) longest = std::max(longest, report.limit->time);
    for (const LoadEvent& event : report.trace.events) {
      longest = std::max<std::chrono::nanoseconds>(longest, event.end - report.trace.begin);
    }
    return std::max(Milliseconds(longest), 1e-3);
  }

  void AddTitle() {
    const LoadFigures& figures = report_.figures;
    std::string first = Print("answer after %.1f ms", Milliseconds(figures.total));
    if (report_.limit) {
      first += Print(", limit %.1f ms, η %.2f", Milliseconds(report_.limit->time), report_.eta());
    }
    first += Print(", utilisation %.1f %%, overlap %.2f, waits %.1f ms", figures.utilisation * 100,
                   figures.overlap, Milliseconds(figures.gate_wait()));
    if (figures.num_bytes > 0) {
      first += Print(", read %.1f MB at %.2f GB/s", static_cast<double>(figures.num_bytes) / 1e6,
                     figures.bytes_per_second / 1e9);
    }
    body_ += Label(12, 22, " font-size=\"16\" font-weight=\"bold\"", report_.title);
    body_ += Label(12, 42, "", first);
  }

  void AddMarks() {
    const double step = axis_.Step();
    const int decimals = step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
    for (int i = 0; step * i <= axis_.longest * (1 + 1e-9); ++i) {
      const double x = axis_.At(step * i);
      body_ += Print("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e8e8e8\"/>\n",
                     x, x, kTop - 4, bottom_);
      body_ += Label(x, bottom_ + 14, " text-anchor=\"middle\" fill=\"#555555\"",
                     Print("%.*f", decimals, step * i) + (i == 0 ? " ms" : ""));
    }
  }

  void AddRow(const TraceRow& row, double y) {
    body_ += Label(kLeft - 8, y + kBar - 3, " text-anchor=\"end\"", row.name);
    for (const Bar& bar : BarsOf(report_.trace, row, axis_)) {
      body_ += Print(
          "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.0f\" fill=\"%s\"><title>",
          bar.begin, y, std::max(bar.end - bar.begin, kThinnest), kBar, StyleOf(bar.kind).color);
      body_ += EscapedMarkup(TooltipOf(bar, report_.trace.events[bar.event])) + "</title></rect>\n";
    }
  }

  void AddLine(double ms, const std::string& name, const char* color, const char* dashes) {
    const double x = axis_.At(ms);
    const bool is_limit = *dashes != '\0';  // its name stands above, where both are close
    body_ += Print(
        "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
        "stroke-width=\"1.5\"%s/>\n",
        x, x, kTop - (is_limit ? 18.0 : 6.0), bottom_, color, dashes);
    body_ += Label(x - 4, kTop - (is_limit ? 12.0 : 1.0),
                   Print(" text-anchor=\"end\" font-size=\"11\" fill=\"%s\"", color), name);
  }

  void AddLegend() {
    std::array<bool, kStyles.size()> is_used = {};
    for (const LoadEvent& event : report_.trace.events) {
      is_used[static_cast<size_t>(KindOf(event))] = true;
    }
    double x = kLeft;
    const double y = bottom_ + 34;
    for (size_t i = 0; i < kStyles.size(); ++i) {
      if (!is_used[i]) continue;
      body_ += Print("<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x, y,
                     kStyles[i].color);
      body_ += Label(x + 17, y + 10, "", kStyles[i].meaning);
      x += 34 + 6.4 * static_cast<double>(std::string_view(kStyles[i].meaning).size());
    }
  }

  const LoadReport& report_;
  const std::vector<TraceRow> rows_;
  const Axis axis_;
  std::vector<double> tops_;  // by row
  double bottom_ = 0;
  std::string body_;
};

}  // namespace

std::string GanttSvg(const LoadReport& report) { return Picture(report).Text(); }

}  // namespace raceway::engine::load
