#pragma once

#include <span>
#include <string_view>

/// Words of the language and what they do, in one line each. Column functions, aggregates and
/// native functions have theirs in the catalog.
namespace raceway::tools::lsp {

struct Doc {
  std::string_view name;
  std::string_view form;  // how it is written; empty for what has only one
  std::string_view text;
};

/// What may stand in an operator or a hint.
struct OptionDoc {
  std::string_view owner;  // "map", "batch"
  std::string_view name;
  std::string_view text;
};

std::span<const Doc> OperatorDocs();
std::span<const OptionDoc> OperatorOptionDocs();
std::span<const Doc> HintDocs();
std::span<const OptionDoc> HintOptionDocs();
std::span<const Doc> ItemDocs();
/// Settings of the blocks of `model`, `fn` and `store`: the owner is that word.
std::span<const OptionDoc> SettingDocs();
std::span<const Doc> TypeDocs();
std::span<const Doc> UnitDocs();

/// Null if there is none.
const Doc* FindDoc(std::span<const Doc> docs, std::string_view name);
const OptionDoc* FindDoc(std::span<const OptionDoc> docs, std::string_view owner,
                         std::string_view name);

}  // namespace raceway::tools::lsp
