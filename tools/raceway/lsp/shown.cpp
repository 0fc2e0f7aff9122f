#include "tools/raceway/lsp/shown.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <variant>

namespace raceway::tools::lsp {
namespace {

namespace ast = dsl::ast;

constexpr size_t kMaxWidth = 80;

constexpr std::array<std::string_view, 15> kHardWords = {
    "let", "return", "with", "else", "rescue", "as",   "if",   "then",
    "and", "or",     "not",  "in",   "is",     "null", "true",
};

bool IsPlainName(std::string_view name) {
  const auto is_letter = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
  };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::all_of(name.begin(), name.end(), is_letter) && name != "false" &&
         std::find(kHardWords.begin(), kHardWords.end(), name) == kHardWords.end();
}

/// Where the block of an item begins: what is behind is not its header.
int32_t EndOfHeader(const ast::Item& item) {
  return std::visit(
      [](const auto& decl) {
        if constexpr (requires { decl.signature->range; }) {
          return decl.signature ? decl.signature->range.end : decl.name.range.end;
        } else if constexpr (requires { decl.signature.range; }) {
          return decl.signature.range.end;
        } else {
          return decl.range.end;
        }
      },
      item);
}

}  // namespace

dsl::SourceRange RangeOf(const ast::Item& item) {
  return std::visit([](const auto& decl) { return decl.range; }, item);
}

const ast::Name* NameOf(const ast::Item& item) {
  return std::visit(
      [](const auto& decl) -> const ast::Name* {
        if constexpr (requires { decl.name.text; }) {
          return &decl.name;
        } else {
          return nullptr;
        }
      },
      item);
}

std::string DocOf(const ast::Item& item) {
  return std::visit(
      [](const auto& decl) -> std::string {
        if constexpr (requires { decl.doc; }) {
          return decl.doc;
        } else {
          return {};
        }
      },
      item);
}

std::string HeaderOf(const ast::Item& item, const dsl::Source& source) {
  return std::string(source.Text({RangeOf(item).begin, EndOfHeader(item)}));
}

const ast::Item* FindItem(const ast::File& file, std::string_view name) {
  for (const ast::Item& item : file.items) {
    const ast::Name* declared = NameOf(item);
    if (declared != nullptr && declared->text == name) return &item;
  }
  return nullptr;
}

std::string Shown(const compiler::TableFact& table) {
  std::vector<std::string> columns;
  for (const compiler::TableFact::Column& column : table.columns) {
    columns.push_back(column.name + ": " + column.type);
  }
  if (table.has_more) columns.emplace_back("...");
  size_t width = 2;
  for (const std::string& column : columns) width += column.size() + 2;
  const bool is_long = width > kMaxWidth;
  std::string text = is_long ? "{\n" : "{";
  for (size_t i = 0; i < columns.size(); ++i) {
    if (is_long) {
      text += "  " + columns[i] + "\n";
    } else {
      text += (i == 0 ? " " : ", ") + columns[i];
    }
  }
  return text + (is_long ? "}" : " }");
}

std::string AsCode(std::string_view code) { return "```flow\n" + std::string(code) + "\n```"; }

std::string Quoted(std::string_view name) {
  return IsPlainName(name) ? std::string(name) : "`" + std::string(name) + "`";
}

}  // namespace raceway::tools::lsp
