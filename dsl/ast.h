#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dsl/source.h"

/// The syntax tree: plain structs, each with its range in the source, in the order of the source.
/// Nothing here is resolved or typed. Every tree is a value: it holds no parser object.
namespace raceway::dsl::ast {

struct Name {
  std::string text;  // without backquotes
  SourceRange range;
};

/// `a.b.c`
struct Path {
  std::vector<Name> names;  // at least one
  SourceRange range;

  std::string Text() const;  // "a.b.c"
};

struct Arg;
struct Entry;

/// One expression. `children` are the operands in the order of the source.
struct Expr {
  enum class Kind {
    kInt,       // text as written, hexadecimal too
    kFloat,     // text as written
    kQuantity,  // `10ms`, text as written
    kString,    // text is the value, escapes resolved
    kFString,   // text is the literal as written between the quotes; holes are children, in order
    kBool,      // text is "true" or "false"
    kNull,
    kName,    // text
    kMember,  // children[0] . text
    kIndex,   // children[0] [ children[1..] ]
    kCall,    // children[0] ( args )
    kUnary,   // text is "-", "+" or "not"
    kBinary,  // text is one of + - * / .. < <= > >= == != in "not in" ?? and or
    kIsNull,  // text is "is null" or "is not null"
    kIf,      // if children[0] then children[1] else children[2]
    kList,
    kRecord,  // names[i]: children[i]
  };

  Kind kind = Kind::kNull;
  SourceRange range;
  std::string text;
  SourceRange text_range;  // of the operator, member or option name; else empty
  std::vector<Expr> children;
  std::vector<Name> names;
  std::vector<Arg> args;
};

/// A dimension: `...`, `224`, `H`, `H / 2`.
struct Dim {
  enum class Kind { kEllipsis, kInt, kName, kBinary };
  Kind kind = Kind::kInt;
  SourceRange range;
  int64_t value = 0;  // kInt
  std::string text;   // kName: the name; kBinary: the operator
  std::vector<Dim> children;
};

struct Column;

/// `{ a: i64, ... }`
struct Record {
  std::vector<Column> columns;
  std::vector<SourceRange> ellipses;  // where `...` stood
  SourceRange range;
};

/// `f32[H, W]?`, `Image`, `stream { … }`. Exactly one of `path` and `record` is set.
struct TypeExpr {
  bool stream = false;
  std::optional<Path> path;
  std::optional<Record> record;
  std::vector<Dim> dims;
  bool optional = false;
  SourceRange range;
};

struct Column {
  Name name;
  TypeExpr type;
  std::vector<Expr> default_value;  // none or one
  SourceRange range;
};

/// `{ key: value, key { … } }`
struct Block {
  std::vector<Entry> entries;
  SourceRange range;
};

struct Entry {
  Name key;
  std::optional<Expr> value;   // key: value
  std::optional<Block> block;  // key { … }
  SourceRange range;
};

/// `(a: T, b: U) -> (c: V)` or `-> T`
struct Signature {
  std::vector<Column> params;
  bool has_results = false;
  std::vector<Column> results;          // `-> ( … )`
  std::optional<TypeExpr> result_type;  // `-> T`
  SourceRange range;
};

struct Step;
struct Branch;

/// `expr with { … } |> step |> step`
struct Pipeline {
  Expr head;
  std::optional<Block> with;
  std::vector<Step> steps;
  SourceRange range;
};

struct Arg {
  enum class Kind {
    kOption,      // key: value.head
    kDefine,      // key = value.head
    kPositional,  // value
  };
  Kind kind = Kind::kPositional;
  Name key;  // kOption, kDefine
  Pipeline value;
  SourceRange range;
};

/// `path(args) { branches } as name with { … } rescue step`
struct Step {
  Path path;
  bool has_args = false;
  std::vector<Arg> args;
  std::vector<Branch> branches;
  std::optional<Name> as;
  std::optional<Block> with;
  std::vector<Step> rescue;  // none or one
  SourceRange range;
};

/// `expr => chain` or `else => chain`
struct Branch {
  std::optional<Expr> when;  // none for `else`
  std::vector<Step> chain;
  SourceRange range;
};

/// `let a = …`, `let (a, b) = …`
struct Let {
  std::vector<Name> names;
  Pipeline value;
  SourceRange range;
};

/// One of the results of `return`.
struct ReturnValue {
  std::optional<Name> name;
  Pipeline value;
};

struct Return {
  std::vector<ReturnValue> values;
  SourceRange range;
};

using Stmt = std::variant<Let, Return>;

struct ImportDecl {
  std::vector<Name> names;
  bool braces = false;  // `import { a } from`, else `import a from`
  std::string from;
  SourceRange from_range;
  SourceRange range;
};

struct ParamDecl {
  Name name;
  TypeExpr type;
  std::optional<Expr> in;  // the allowed range or list
  std::optional<Expr> default_value;
  SourceRange range;
  std::string doc;
};

struct DefaultsDecl {
  Block block;
  SourceRange range;
};

struct SchemaDecl {
  Name name;
  Record record;
  SourceRange range;
  std::string doc;
};

struct StoreDecl {
  Name name;
  Signature signature;
  Block block;
  SourceRange range;
  std::string doc;
};

struct ModelDecl {
  Name name;
  std::optional<Signature> signature;
  Block block;
  SourceRange range;
  std::string doc;
};

struct FnDecl {
  Name name;
  Signature signature;
  Block block;
  SourceRange range;
  std::string doc;
};

struct FlowDecl {
  Name name;
  Signature signature;
  std::optional<Block> with;
  std::vector<Stmt> body;
  SourceRange range;
  std::string doc;  // the `///` lines before it
};

struct TestStmt {
  enum class Kind { kStub, kGiven, kLet, kExpect };
  Kind kind = Kind::kExpect;
  Path stub;                     // kStub: path => expr
  Name name;                     // kGiven
  std::optional<TypeExpr> type;  // kGiven
  Expr expr;                     // kStub, kGiven, kExpect
  std::optional<Let> let;        // kLet
  SourceRange range;
};

struct TestDecl {
  std::string title;
  std::vector<TestStmt> body;
  SourceRange range;
};

using Item = std::variant<ImportDecl, ParamDecl, DefaultsDecl, SchemaDecl, StoreDecl, ModelDecl,
                          FnDecl, FlowDecl, TestDecl>;

struct File {
  std::optional<int64_t> edition;
  SourceRange edition_range;
  std::vector<Item> items;
};

}  // namespace raceway::dsl::ast
