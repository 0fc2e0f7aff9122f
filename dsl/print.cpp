#include "dsl/print.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dsl/literal.h"

namespace raceway::dsl {

namespace {

using ast::Expr;

// How tightly an expression binds, as in the grammar; 0 the loosest.
int Precedence(const Expr& expr) {
  using Kind = Expr::Kind;
  constexpr std::pair<std::string_view, int> kBinary[] = {
      {"or", 1}, {"and", 2}, {"??", 4}, {"in", 6}, {"not in", 6},
      {"..", 8}, {"+", 9},   {"-", 9},  {"*", 10}, {"/", 10}};
  constexpr int kComparison = 7;
  switch (expr.kind) {
    case Kind::kIf: return 0;
    case Kind::kUnary: return expr.text == "not" ? 3 : 11;
    case Kind::kIsNull: return 5;
    case Kind::kBinary:
      for (const auto& [op, precedence] : kBinary) {
        if (expr.text == op) return precedence;
      }
      return kComparison;
    default: return 12;
  }
}

constexpr std::array<std::string_view, 16> kHardWords = {
    "let", "return", "with", "else", "rescue", "as",   "if",   "then",
    "and", "or",     "not",  "in",   "is",     "null", "true", "false"};

// An option's key may be a hard word, a name may not.
std::string Spell(std::string_view name, bool is_key = false) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  const bool is_word = std::find(kHardWords.begin(), kHardWords.end(), name) != kHardWords.end();
  const bool needs_quotes = name.empty() || (name.front() >= '0' && name.front() <= '9') ||
                            !std::all_of(name.begin(), name.end(), plain) || (is_word && !is_key);
  return needs_quotes ? "`" + std::string(name) + "`" : std::string(name);
}

std::string Quote(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    switch (c) {
      case '\n': text += "\\n"; break;
      case '\t': text += "\\t"; break;
      case '\r': text += "\\r"; break;
      case '"': text += "\\\""; break;
      case '\\': text += "\\\\"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr std::string_view kDigits = "0123456789abcdef";
          text += std::string("\\u{") + kDigits[static_cast<size_t>(c) >> 4] +
                  kDigits[static_cast<size_t>(c) & 15] + "}";
        } else {
          text += c;
        }
    }
  }
  return text + "\"";
}

std::string Spell(const ast::Path& path) {
  std::string text;
  for (const ast::Name& name : path.names) text += (text.empty() ? "" : ".") + Spell(name.text);
  return text;
}

template <typename T, typename Print>
std::string JoinList(const std::vector<T>& parts, Print print) {
  std::string text;
  for (const T& part : parts) text += (text.empty() ? "" : ", ") + print(part);
  return text;
}

std::string PrintPipeline(const ast::Pipeline& pipeline);

std::string PrintArg(const ast::Arg& arg) {
  switch (arg.kind) {
    case ast::Arg::Kind::kOption:
      return Spell(arg.key.text, true) + ": " + PrintPipeline(arg.value);
    case ast::Arg::Kind::kDefine: return Spell(arg.key.text) + " = " + PrintPipeline(arg.value);
    case ast::Arg::Kind::kPositional: break;
  }
  return PrintPipeline(arg.value);
}

std::string PrintFString(const Expr& expr) {
  const std::vector<std::string> texts = FStringTexts(expr);
  std::string text = "f\"";
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string quoted = Quote(texts[i]);
    for (const char c : quoted.substr(1, quoted.size() - 2)) {
      text += c;
      if (c == '{' || c == '}') text += c;
    }
    if (i < expr.children.size()) text += "{" + PrintExpr(expr.children[i]) + "}";
  }
  return text + "\"";
}

// In brackets if it binds more loosely than `least`.
std::string PrintOperand(const Expr& expr, int least) {
  return Precedence(expr) < least ? "(" + PrintExpr(expr) + ")" : PrintExpr(expr);
}

std::string PrintChildren(const Expr& expr, size_t first) {
  std::string text;
  for (size_t i = first; i < expr.children.size(); ++i) {
    text += (i == first ? "" : ", ") + PrintExpr(expr.children[i]);
  }
  return text;
}

std::string PrintRecord(const Expr& expr) {
  if (expr.names.empty()) return "{}";
  std::string text;
  for (size_t i = 0; i < expr.names.size(); ++i) {
    text += (i == 0 ? "{ " : ", ") + Spell(expr.names[i].text) + ": " + PrintExpr(expr.children[i]);
  }
  return text + " }";
}

// The grammar has no brackets between dimensions, so none are needed.
std::string PrintDim(const ast::Dim& dim) {
  switch (dim.kind) {
    case ast::Dim::Kind::kEllipsis: return "...";
    case ast::Dim::Kind::kInt: return std::to_string(dim.value);
    case ast::Dim::Kind::kName: return Spell(dim.text);
    case ast::Dim::Kind::kBinary: break;
  }
  return PrintDim(dim.children[0]) + " " + dim.text + " " + PrintDim(dim.children[1]);
}

std::string PrintColumn(const ast::Column& column) {
  std::string text = Spell(column.name.text) + ": " + PrintType(column.type);
  if (!column.default_value.empty()) text += " = " + PrintExpr(column.default_value.front());
  return text;
}

// Columns and `...` in the order of the source.
std::vector<std::string> RecordParts(const ast::Record& record) {
  std::vector<std::string> parts;
  auto ellipsis = record.ellipses.begin();
  for (const ast::Column& column : record.columns) {
    for (; ellipsis != record.ellipses.end() && ellipsis->begin < column.range.begin; ++ellipsis) {
      parts.push_back("...");
    }
    parts.push_back(PrintColumn(column));
  }
  parts.insert(parts.end(), static_cast<size_t>(record.ellipses.end() - ellipsis), "...");
  return parts;
}

std::string PrintRecordType(const ast::Record& record) {
  const std::vector<std::string> parts = RecordParts(record);
  if (parts.empty()) return "{}";
  return "{ " + JoinList(parts, [](const std::string& part) { return part; }) + " }";
}

std::string PrintSignature(const ast::Signature& signature) {
  std::string text = "(" + JoinList(signature.params, PrintColumn) + ")";
  if (signature.has_results) text += " -> (" + JoinList(signature.results, PrintColumn) + ")";
  if (signature.result_type) text += " -> " + PrintType(*signature.result_type);
  return text;
}

// A block on one line: `{ max: 32, wait: 4ms }`.
std::string PrintBlock(const ast::Block& block) {
  if (block.entries.empty()) return "{}";
  const auto print = [](const ast::Entry& entry) {
    const std::string key = Spell(entry.key.text, true);
    return entry.value ? key + ": " + PrintExpr(*entry.value)
                       : key + " " + PrintBlock(*entry.block);
  };
  return "{ " + JoinList(block.entries, print) + " }";
}

// A step without its branches and its rescue, on one line.
std::string PrintStepHead(const ast::Step& step) {
  std::string text = Spell(step.path);
  if (step.has_args) text += "(" + JoinList(step.args, PrintArg) + ")";
  return text;
}

std::string PrintStepTail(const ast::Step& step) {
  std::string text;
  if (step.as) text += " as " + Spell(step.as->text);
  if (step.with) text += " with " + PrintBlock(*step.with);
  return text;
}

std::string PrintStep(const ast::Step& step) {
  std::string text = PrintStepHead(step);
  const auto print_branch = [](const ast::Branch& branch) {
    std::string chain;
    for (const ast::Step& part : branch.chain) {
      chain += (chain.empty() ? "" : " |> ") + PrintStep(part);
    }
    return (branch.when ? PrintExpr(*branch.when) : "else") + " => " + chain;
  };
  if (!step.branches.empty()) text += " { " + JoinList(step.branches, print_branch) + " }";
  text += PrintStepTail(step);
  if (!step.rescue.empty()) text += " rescue " + PrintStep(step.rescue.front());
  return text;
}

std::string PrintPipeline(const ast::Pipeline& pipeline) {
  std::string text = PrintExpr(pipeline.head);
  if (pipeline.with) text += " with " + PrintBlock(*pipeline.with);
  for (const ast::Step& step : pipeline.steps) text += " |> " + PrintStep(step);
  return text;
}

/// The tree, one node a line.
class TreePrinter {
 public:
  std::string Run(const ast::File& file) {
    if (file.edition) Line("edition " + std::to_string(*file.edition));
    for (const ast::Item& item : file.items) {
      std::visit([this](const auto& declaration) { Print(declaration); }, item);
    }
    return std::move(out_);
  }

 private:
  void Line(const std::string& text) { out_ += std::string(2 * depth_, ' ') + text + "\n"; }

  template <typename Body>
  void Indented(Body body) {
    ++depth_;
    body();
    --depth_;
  }

  void Doc(const std::string& doc) {
    if (doc.empty()) return;
    for (size_t begin = 0; begin <= doc.size();) {
      const size_t end = std::min(doc.find('\n', begin), doc.size());
      const std::string line = doc.substr(begin, end - begin);
      Line(line.empty() ? "///" : "/// " + line);
      begin = end + 1;
    }
  }

  void Entries(const ast::Block& block) {
    for (const ast::Entry& entry : block.entries) {
      const std::string key = Spell(entry.key.text, true);
      if (entry.value) {
        Line(key + ": " + PrintExpr(*entry.value));
      } else {
        Line(key);
        Indented([&] { Entries(*entry.block); });
      }
    }
  }

  void Print(const ast::ImportDecl& import) {
    const std::string names =
        JoinList(import.names, [](const ast::Name& name) { return Spell(name.text); });
    Line("import " + (import.braces ? "{ " + names + " }" : names) + " from " + Quote(import.from));
  }

  void Print(const ast::ParamDecl& param) {
    Doc(param.doc);
    Line("param " + Spell(param.name.text) + ": " + PrintType(param.type) +
         (param.in ? " in " + PrintExpr(*param.in) : "") +
         (param.default_value ? " = " + PrintExpr(*param.default_value) : ""));
  }

  void Print(const ast::DefaultsDecl& defaults) {
    Line("defaults");
    Indented([&] { Entries(defaults.block); });
  }

  void Print(const ast::SchemaDecl& schema) {
    Doc(schema.doc);
    Line("schema " + Spell(schema.name.text));
    Indented([&] {
      for (const std::string& part : RecordParts(schema.record)) Line(part);
    });
  }

  void Print(const ast::StoreDecl& store) {
    Declaration("store", store, PrintSignature(store.signature));
  }
  void Print(const ast::FnDecl& fn) { Declaration("fn", fn, PrintSignature(fn.signature)); }
  void Print(const ast::ModelDecl& model) {
    Declaration("model", model, model.signature ? PrintSignature(*model.signature) : "");
  }

  template <typename Decl>
  void Declaration(const std::string& word, const Decl& declaration, const std::string& signature) {
    Doc(declaration.doc);
    Line(word + " " + Spell(declaration.name.text) + signature);
    Indented([&] { Entries(declaration.block); });
  }

  void Print(const ast::FlowDecl& flow) {
    Doc(flow.doc);
    Line("flow " + Spell(flow.name.text) + PrintSignature(flow.signature));
    Indented([&] {
      if (flow.with) With(*flow.with);
      for (const ast::Stmt& stmt : flow.body) {
        std::visit([this](const auto& statement) { Print(statement); }, stmt);
      }
    });
  }

  void Print(const ast::TestDecl& test) {
    Line("test " + Quote(test.title));
    Indented([&] {
      for (const ast::TestStmt& stmt : test.body) Print(stmt);
    });
  }

  void Print(const ast::TestStmt& stmt) {
    switch (stmt.kind) {
      case ast::TestStmt::Kind::kStub:
        Line("stub " + Spell(stmt.stub) + " => " + PrintExpr(stmt.expr));
        break;
      case ast::TestStmt::Kind::kGiven:
        Line("given " + Spell(stmt.name.text) + (stmt.type ? ": " + PrintType(*stmt.type) : "") +
             " = " + PrintExpr(stmt.expr));
        break;
      case ast::TestStmt::Kind::kLet: Print(*stmt.let); break;
      case ast::TestStmt::Kind::kExpect: Line("expect " + PrintExpr(stmt.expr)); break;
    }
  }

  void With(const ast::Block& block) {
    Line("with");
    Indented([&] { Entries(block); });
  }

  void Print(const ast::Let& let) {
    const std::string names =
        JoinList(let.names, [](const ast::Name& name) { return Spell(name.text); });
    Line("let " + (let.names.size() == 1 ? names : "(" + names + ")"));
    Indented([&] { Print(let.value); });
  }

  void Print(const ast::Return& result) {
    Line("return");
    for (const ast::ReturnValue& value : result.values) {
      Indented([&] {
        if (!value.name) return Print(value.value);
        Line(Spell(value.name->text) + ":");
        Indented([&] { Print(value.value); });
      });
    }
  }

  void Print(const ast::Pipeline& pipeline) {
    Line(PrintExpr(pipeline.head));
    if (pipeline.with) Indented([&] { With(*pipeline.with); });
    for (const ast::Step& step : pipeline.steps) Print(step, "|> ");
  }

  void Print(const ast::Step& step, const std::string& before) {
    Line(before + PrintStepHead(step) + (step.as ? " as " + Spell(step.as->text) : ""));
    Indented([&] {
      for (const ast::Branch& branch : step.branches) {
        Line((branch.when ? PrintExpr(*branch.when) : "else") + " =>");
        Indented([&] {
          for (const ast::Step& part : branch.chain) Print(part, "|> ");
        });
      }
      if (step.with) With(*step.with);
      if (!step.rescue.empty()) Print(step.rescue.front(), "rescue ");
    });
  }

  std::string out_;
  size_t depth_ = 0;
};

}  // namespace

std::string PrintSyntax(const ast::File& file) { return TreePrinter().Run(file); }

std::string SpellName(std::string_view name) {
  std::string text;
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    text += Spell(name.substr(0, dot)) + ".";
    name.remove_prefix(dot + 1);
  }
  return text + Spell(name);
}

std::string PrintExpr(const Expr& expr) {
  using Kind = Expr::Kind;
  const int precedence = Precedence(expr);
  switch (expr.kind) {
    case Kind::kInt:
    case Kind::kFloat:
    case Kind::kQuantity:
    case Kind::kBool: return expr.text;
    case Kind::kString: return Quote(expr.text);
    case Kind::kFString: return PrintFString(expr);
    case Kind::kNull: return "null";
    case Kind::kName: return Spell(expr.text);
    case Kind::kMember: return PrintOperand(expr.children[0], precedence) + "." + Spell(expr.text);
    case Kind::kIndex:
      return PrintOperand(expr.children[0], precedence) + "[" + PrintChildren(expr, 1) + "]";
    case Kind::kCall:
      return PrintOperand(expr.children[0], precedence) + "(" + JoinList(expr.args, PrintArg) + ")";
    case Kind::kUnary:
      return expr.text + (expr.text == "not" ? " " : "") +
             PrintOperand(expr.children[0], precedence);
    case Kind::kBinary: {
      const std::string op = expr.text == ".." ? ".." : " " + expr.text + " ";
      return PrintOperand(expr.children[0], precedence) + op +
             PrintOperand(expr.children[1], precedence + 1);
    }
    case Kind::kIsNull: return PrintOperand(expr.children[0], precedence) + " " + expr.text;
    case Kind::kIf:
      return "if " + PrintExpr(expr.children[0]) + " then " + PrintExpr(expr.children[1]) +
             " else " + PrintExpr(expr.children[2]);
    case Kind::kList: return "[" + PrintChildren(expr, 0) + "]";
    case Kind::kRecord: return PrintRecord(expr);
  }
  return "";
}

std::string PrintType(const ast::TypeExpr& type) {
  std::string text = type.stream ? "stream " : "";
  text += type.record ? PrintRecordType(*type.record) : type.path ? Spell(*type.path) : "";
  if (!type.dims.empty()) {
    text += "[" + JoinList(type.dims, PrintDim) + "]";
  }
  return text + (type.optional ? "?" : "");
}

}  // namespace raceway::dsl
