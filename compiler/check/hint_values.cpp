// The members of hints: of which type, unit and range each is. A hint is a line of the table.
#include "compiler/check/hint_values.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <utility>

#include "compiler/check/declarations.h"
#include "compiler/check/quantities.h"
#include "dsl/print.h"
#include "dsl/units.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::Value;
using ExprKind = dsl::ast::Expr::Kind;

/// What the value of a member may be; several at once.
enum Form : unsigned {
  kCount = 1,        // 3
  kNumber = 2,       // 3, 1.5
  kDuration = 4,     // 4ms
  kSize = 8,         // 512MiB
  kShare = 16,       // 50%
  kRate = 32,        // 100rps
  kTokens = 64,      // 4096tok
  kTrueFalse = 128,  // true
  kWord = 256,       // one of `words`
  kAnyName = 512,    // a name or text of the author's
  kListOf = 1024,    // or a list of such
  kRangeOf = 2048,   // or a range of such
};

struct Member {
  std::string_view hint;
  std::string_view name;
  unsigned form;
  double low;
  double high;
  std::string_view limits;  // for people
  std::string_view example;
  std::string_view words = {};  // "cpu gpu"
};

constexpr double kNs = 1e9;  // of a second
constexpr double kHour = 3600 * kNs;
constexpr double kDay = 24 * kHour;
constexpr double kTera = 1e12;

constexpr Member kMembers[] = {
    {"batch", "max", kCount | kTokens, 1, 1e6, "1..1000000", "32"},
    {"batch", "wait", kDuration, 0, kHour, "0ms..1h", "4ms"},
    {"batch", "by", kWord, 0, 0, "", "shape", "shape length"},
    {"batch", "pad", kAnyName, 0, 0, "", "T"},
    {"batch", "adaptive", kTrueFalse, 0, 0, "", "true"},
    {"compete", "replicas", kCount, 1, 64, "1..64", "3"},
    {"compete", "after", kDuration | kWord, 0, kHour, "0ms..1h", "p90", "p50 p75 p90 p95 p99"},
    {"compete", "cancel", kTrueFalse, 0, 0, "", "true"},
    {"compete", "budget", kShare, 0, 1, "0%..100%", "5%"},
    {"compete", "adaptive", kTrueFalse, 0, 0, "", "true"},
    {"place", "device", kWord | kListOf, 0, 0, "", "gpu", "cpu gpu"},
    {"place", "near", kAnyName, 0, 0, "", "\"camera\""},
    {"place", "with", kAnyName, 0, 0, "", "big"},
    {"place", "node", kAnyName, 0, 0, "", "\"edge-1\""},
    {"place", "spread", kTrueFalse, 0, 0, "", "true"},
    {"resources", "cpu", kNumber | kRangeOf, 0, 4096, "0..4096", "1..8"},
    {"resources", "gpu", kShare | kRangeOf, 0, 1, "0%..100%", "0%..50%"},
    {"resources", "memory", kSize | kRangeOf, 0, 64 * kTera, "0B..64000GB", "512MiB..8GiB"},
    {"prewarm", "policy", kWord, 0, 0, "", "adaptive", "adaptive always never"},
    {"prewarm", "horizon", kDuration, 0, kDay, "0s..24h", "2min"},
    {"prewarm", "keep", kDuration | kRangeOf, 0, kDay, "0s..24h", "5s..60s"},
    {"prewarm", "instances", kCount | kRangeOf, 0, 1024, "0..1024", "1"},
    {"load", "priority", kWord, 0, 0, "", "high", "low normal high"},
    {"load", "stream", kTrueFalse, 0, 0, "", "true"},
    {"load", "memory", kSize, 0, 64 * kTera, "0B..64000GB", "4GiB"},
    {"fuse", "", kTrueFalse, 0, 0, "", "false"},
    {"slo", "p50", kDuration, 1e3, kDay, "1us..24h", "20ms"},
    {"slo", "p95", kDuration, 1e3, kDay, "1us..24h", "40ms"},
    {"slo", "p99", kDuration, 1e3, kDay, "1us..24h", "60ms"},
    {"slo", "throughput", kRate, 0, 1e9, "0rps..1000000000rps", "100rps"},
    {"slo", "minimise", kWord, 0, 0, "", "cost", "cost latency memory"},
    {"slo", "deadline", kDuration, 1e3, kDay, "1us..24h", "2s"},
    {"slo", "first_token", kDuration, 1e3, kDay, "1us..24h", "800ms"},
    {"slo", "per_token", kDuration, 1e3, kDay, "1us..24h", "60ms"},
};

constexpr std::pair<Form, Measure> kMeasures[] = {{kDuration, Measure::kDuration},
                                                  {kSize, Measure::kSize},
                                                  {kShare, Measure::kShare},
                                                  {kRate, Measure::kRate},
                                                  {kTokens, Measure::kTokens}};

/// A language model's; the other goals are those of a flow.
bool IsOfTokens(const Member& member) {
  return member.name == "first_token" || member.name == "per_token";
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

/// "`a`, `b` or `c`"
std::string OneOf(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += "`" + words[i] + "`";
  }
  return text;
}

/// Checks one value; each rule reports and says so.
class ValueChecker {
 public:
  ValueChecker(const Member& member, dsl::Diagnostics& diagnostics)
      : member_(member),
        shown_(member.name.empty() ? member.hint : member.name),
        diagnostics_(diagnostics) {}

  std::optional<Value> Check(const dsl::ast::Expr& expr) {
    if (expr.kind == ExprKind::kBinary && expr.text == "..") return Range(expr);
    if (expr.kind == ExprKind::kList && Takes(kListOf)) return List(expr);
    return OneInRange(expr);
  }

 private:
  bool Takes(unsigned form) const { return (member_.form & form) != 0; }

  std::optional<Value> OneInRange(const dsl::ast::Expr& expr) {
    std::optional<Value> value = One(expr);
    if (value && !IsInRange(*value)) {
      return Wrong(expr, "`" + shown_ + "` must be in " + std::string(member_.limits) +
                             ", this is " + dsl::PrintExpr(expr));
    }
    return value;
  }

  std::nullopt_t Wrong(const dsl::ast::Expr& expr, std::string message, std::string help = "") {
    diagnostics_.Add(DiagnosticKind::kBadSetting, expr.range, std::move(message)).help =
        std::move(help);
    return std::nullopt;
  }

  std::string Example() const { return shown_ + ": " + std::string(member_.example); }

  std::optional<Value> Range(const dsl::ast::Expr& expr) {
    if (!Takes(kRangeOf)) return Wrong(expr, "`" + shown_ + "` is one value, no range", Example());
    const std::optional<Value> low = OneInRange(expr.children[0]);
    const std::optional<Value> high = OneInRange(expr.children[1]);
    if (!low || !high) return std::nullopt;
    if (*low->AsNumber() > *high->AsNumber()) {
      return Wrong(expr, "this range ends before it begins");
    }
    return Value(Value::List{*low, *high});
  }

  std::optional<Value> List(const dsl::ast::Expr& expr) {
    Value::List list;
    for (const dsl::ast::Expr& child : expr.children) {
      std::optional<Value> value = One(child);
      if (!value) return std::nullopt;
      list.push_back(*std::move(value));
    }
    if (list.empty()) return Wrong(expr, "`" + shown_ + "` wants at least one", Example());
    return Value(std::move(list));
  }

  std::optional<Value> One(const dsl::ast::Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kInt:
      case ExprKind::kFloat: return Bare(expr);
      case ExprKind::kQuantity: return WithUnit(expr);
      case ExprKind::kUnary:
        if (expr.text == "-") return Negative(expr);
        break;
      case ExprKind::kBool:
        if (Takes(kTrueFalse)) return Value(expr.text == "true");
        break;
      case ExprKind::kString:
        if (Takes(kAnyName)) return Value(expr.text);
        break;
      case ExprKind::kName:
      case ExprKind::kMember:
        if (Takes(kAnyName)) return Value(dsl::PrintExpr(expr));
        break;
      default: break;
    }
    if (Takes(kWord)) return Word(expr);
    return Wrong(expr, "`" + shown_ + "` is " + Wanted(), Example());
  }

  std::optional<Value> Negative(const dsl::ast::Expr& expr) {
    if (!One(expr.children.front())) return std::nullopt;
    return Wrong(expr, "`" + shown_ + "` is never negative", Example());
  }

  std::optional<Value> Word(const dsl::ast::Expr& expr) {
    const std::vector<std::string> words = Words(member_.words);
    const bool is_known = std::find(words.begin(), words.end(), expr.text) != words.end();
    if (expr.kind == ExprKind::kName && is_known) return Value(expr.text);
    std::string help = dsl::DidYouMeanText(expr.text, words);
    if (expr.kind == ExprKind::kString && is_known) help = "without quotes: " + expr.text;
    return Wrong(expr, "`" + shown_ + "` is " + Wanted(), help.empty() ? Example() : help);
  }

  /// "a duration or `p50`, `p90` …"
  std::string Wanted() const {
    std::vector<std::string> parts;
    if (Takes(kCount)) parts.emplace_back("an integer");
    if (Takes(kNumber)) parts.emplace_back("a number");
    for (const auto& [form, measure] : kMeasures) {
      if (Takes(form)) parts.emplace_back(NameOf(measure));
    }
    if (Takes(kTrueFalse)) parts.emplace_back("`true` or `false`");
    if (Takes(kWord)) parts.push_back(OneOf(Words(member_.words)));
    if (Takes(kAnyName)) parts.emplace_back("a name");
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : " or ") + part;
    return Takes(kRangeOf) ? text + ", or a range of them" : text;
  }

  std::optional<Value> Bare(const dsl::ast::Expr& expr) {
    std::optional<Value> value = ConstantOf(expr, diagnostics_);
    if (!value) return std::nullopt;
    if (const auto large = UnsignedOf(*value)) value = Value(static_cast<double>(*large));
    if (Takes(kNumber) || (Takes(kCount) && value->AsInt() != nullptr)) return value;
    for (const auto& [form, measure] : kMeasures) {
      if (!Takes(form) || Takes(kCount)) continue;
      const std::vector<std::string> units = UnitsOf(measure);
      const std::string_view unit = dsl::UnitOf(WithoutRange(member_.example));
      // 0.5 may mean a half; what is meant with 4 of a duration one can only guess.
      const bool is_part = measure == Measure::kShare && *value->AsNumber() <= 1;
      const std::string number = is_part ? Hundredfold(*value->AsNumber()) : expr.text;
      return Wrong(expr,
                   "`" + shown_ + "` is " + std::string(NameOf(measure)) + ", this has no unit",
                   "write `" + number + std::string(unit.empty() ? units.front() : unit) +
                       "`; units are " + OneOf(units));
    }
    return Wrong(expr, "`" + shown_ + "` is " + Wanted(), Example());
  }

  static std::string Hundredfold(double number) {
    char text[32];
    std::snprintf(text, sizeof(text), "%g", number * 100);
    return text;
  }

  static std::string_view WithoutRange(std::string_view text) {
    return text.substr(0, text.find(".."));
  }

  std::optional<Value> WithUnit(const dsl::ast::Expr& expr) {
    const std::optional<Quantity> quantity = ParseQuantity(expr.text);
    const std::string unit(dsl::UnitOf(expr.text));
    if (!quantity) {
      return Wrong(expr, "no unit `" + unit + "`", Suggest(unit, FittingUnits()));
    }
    for (const auto& [form, measure] : kMeasures) {
      if (measure != quantity->measure || !Takes(form)) continue;
      if (measure == Measure::kShare || measure == Measure::kRate) return Value(quantity->amount);
      const auto whole = static_cast<int64_t>(std::llround(std::min(quantity->amount, 9e18)));
      if (measure != Measure::kTokens) return Value(whole);
      return Value(Value::Record{{"tokens", whole}});
    }
    const std::string found(NameOf(quantity->measure));
    return Wrong(expr, "`" + shown_ + "` is " + Wanted() + ", `" + expr.text + "` is " + found,
                 Example());
  }

  std::vector<std::string> FittingUnits() const {
    std::vector<std::string> units;
    for (const auto& [form, measure] : kMeasures) {
      if (!Takes(form)) continue;
      for (std::string& unit : UnitsOf(measure)) units.push_back(std::move(unit));
    }
    return units.empty() ? AllUnits() : units;
  }

  bool IsInRange(const Value& value) const {
    const Value* tokens = value.Find("tokens");
    const std::optional<double> number = (tokens != nullptr ? *tokens : value).AsNumber();
    return !number || (member_.low <= *number && *number <= member_.high);
  }

  const Member& member_;
  std::string shown_;
  dsl::Diagnostics& diagnostics_;
};

}  // namespace

const std::vector<std::string>& HintNames() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Member& member : kMembers) {
      if (names.empty() || names.back() != member.hint) names.emplace_back(member.hint);
    }
    return names;
  }();
  return kNames;
}

std::vector<std::string> MembersOf(std::string_view hint, HintPlace place) {
  std::vector<std::string> names;
  for (const Member& member : kMembers) {
    const bool is_here = IsOfTokens(member) == (place == HintPlace::kLanguageModel);
    if (member.hint != hint || member.name.empty() || (hint == "slo" && !is_here)) continue;
    names.emplace_back(member.name);
  }
  return names;
}

std::optional<Hint> HintValue(std::string_view hint, std::string_view member,
                              const dsl::ast::Expr& expr, dsl::Diagnostics& diagnostics) {
  const auto is_it = [&](const Member& m) { return m.hint == hint && m.name == member; };
  const auto found = std::find_if(std::begin(kMembers), std::end(kMembers), is_it);
  std::optional<Value> value = ValueChecker(*found, diagnostics).Check(expr);
  if (!value) return std::nullopt;
  Hint checked;
  checked.name = std::string(hint) + (member.empty() ? "" : "." + std::string(member));
  checked.value = *std::move(value);
  checked.text = dsl::PrintExpr(expr);
  checked.where = expr.range;
  return checked;
}

}  // namespace raceway::compiler
