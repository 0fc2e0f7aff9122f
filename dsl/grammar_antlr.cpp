// The only file that knows ANTLR: text → tokens, tokens → syntax tree.
//
// Its runtime (4.9) throws on what it dislikes, recurses as deep as the input and prints messages
// nobody should read. So the input comes checked (`items.h`), the first error ends the parse, and
// `syntax_error.cpp` finds the words for it.

#include "dsl/grammar.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "FlowLexer.h"
#include "FlowParser.h"
#include "antlr4-runtime.h"
#include "dsl/literal.h"
#include "dsl/nesting.h"
#include "dsl/repair.h"
#include "dsl/slips.h"
#include "dsl/syntax_error.h"
#include "dsl/units.h"

namespace raceway::dsl {

namespace {

using grammar::FlowLexer;
using grammar::FlowParser;

constexpr size_t kMaxDepth = 512;  // of one expression

// Lexing.

// ANTLR counts code points, we count bytes.
class ByteOffsets {
 public:
  ByteOffsets(std::string_view text, int32_t origin) : origin_(origin) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (std::all_of(text.begin(), text.end(), is_ascii)) return;
    for (size_t i = 0; i < text.size();) {
      offsets_.push_back(static_cast<int32_t>(i));
      NextCharacter(text, i);
    }
    offsets_.push_back(static_cast<int32_t>(text.size()));
  }

  int32_t operator[](size_t code_point) const {
    if (offsets_.empty()) return origin_ + static_cast<int32_t>(code_point);
    return origin_ + offsets_[std::min(code_point, offsets_.size() - 1)];
  }

 private:
  int32_t origin_;
  std::vector<int32_t> offsets_;  // none: all ASCII
};

Token::Kind KindOf(size_t type) {
  using Kind = Token::Kind;
  if (type >= FlowLexer::LET && type <= FlowLexer::FALSE_) return Kind::kHardWord;
  if (type >= FlowLexer::EDITION && type <= FlowLexer::EXPECT) return Kind::kSoftWord;
  if (type >= FlowLexer::PIPE && type <= FlowLexer::RBRACK) return Kind::kSign;
  switch (type) {
    case FlowLexer::DOC: return Kind::kDoc;
    case FlowLexer::HEX:
    case FlowLexer::FLOAT:
    case FlowLexer::INT: return Kind::kNumber;
    case FlowLexer::QUANTITY: return Kind::kQuantity;
    case FlowLexer::FTEXT:
    case FlowLexer::TEXT:
    case FlowLexer::FSTRING:
    case FlowLexer::STRING: return Kind::kString;
    case FlowLexer::QUOTED:
    case FlowLexer::ID: return Kind::kName;
    case FlowLexer::OPEN_STRING: return Kind::kOpenString;
    case FlowLexer::BAD: return Kind::kBad;
    default: return Kind::kForeign;
  }
}

// Parsing.

/// Ends the parse at the first error and remembers its token.
class StopAtFirstError : public antlr4::DefaultErrorStrategy {
 public:
  void reportError(antlr4::Parser* /*parser*/, const antlr4::RecognitionException& e) override {
    Stop(e.getOffendingToken());
  }
  antlr4::Token* recoverInline(antlr4::Parser* parser) override {
    Stop(parser->getCurrentToken());
    return nullptr;
  }
  void sync(antlr4::Parser* /*parser*/) override {}

  size_t error_index() const { return error_index_; }

 private:
  void Stop(antlr4::Token* token) {
    error_index_ = token->getTokenIndex();
    throw antlr4::ParseCancellationException();
  }

  size_t error_index_ = kNoError;
};

/// One run of the generated parser. Owns the tree it makes.
class Run {
 public:
  explicit Run(std::span<const Token> tokens)
      : source_(Wrap(tokens)), stream_(&source_), parser_(&stream_) {
    parser_.removeErrorListeners();
    parser_.setErrorHandler(strategy_);
  }

  FlowParser::UnitContext* Unit() {
    return Try([this] { return parser_.unit(); });
  }
  FlowParser::HoleContext* Hole() {
    return Try([this] { return parser_.hole(); });
  }

  // Index of the offending token; the number of tokens if the end came too early.
  size_t error_index() const { return strategy_->error_index(); }

 private:
  static std::vector<std::unique_ptr<antlr4::Token>> Wrap(std::span<const Token> tokens) {
    std::vector<std::unique_ptr<antlr4::Token>> wrapped;
    wrapped.reserve(tokens.size() + 1);
    for (const Token& token : tokens) {
      wrapped.push_back(std::make_unique<antlr4::CommonToken>(token.type));
    }
    wrapped.push_back(std::make_unique<antlr4::CommonToken>(antlr4::Token::EOF));
    return wrapped;
  }

  template <typename Rule>
  auto Try(Rule rule) -> decltype(rule()) {
    try {
      return rule();
    } catch (const antlr4::ParseCancellationException&) {
      return nullptr;
    }
  }

  std::shared_ptr<StopAtFirstError> strategy_ = std::make_shared<StopAtFirstError>();
  antlr4::ListTokenSource source_;
  antlr4::CommonTokenStream stream_;
  FlowParser parser_;
};

// Contexts → syntax tree.

/// Turns the contexts of one parse into our own types.
class TreeBuilder {
 public:
  TreeBuilder(const Source& source, std::span<const Token> tokens, Diagnostics& diagnostics)
      : source_(source), tokens_(tokens), diagnostics_(diagnostics) {}

  // True if something was wrong that the grammar does not see; then the tree has gaps.
  bool failed() const { return failed_; }

  Unit BuildUnit(FlowParser::UnitContext* context) {
    if (context->edition() != nullptr) return BuildEdition(context->edition());
    FlowParser::ItemContext* item = context->item();
    if (auto* c = item->importDecl()) return ast::Item(BuildImport(c));
    if (auto* c = item->paramDecl()) return ast::Item(BuildParam(c));
    if (auto* c = item->defaultsDecl()) {
      return ast::Item(ast::DefaultsDecl{BuildBlock(c->block()), RangeOf(c)});
    }
    if (auto* c = item->schemaDecl()) {
      return ast::Item(
          ast::SchemaDecl{BuildName(c->name()), BuildRecord(c->record()), RangeOf(c), {}});
    }
    if (auto* c = item->storeDecl()) return ast::Item(BuildDeclaration<ast::StoreDecl>(c));
    if (auto* c = item->modelDecl()) return ast::Item(BuildDeclaration<ast::ModelDecl>(c));
    if (auto* c = item->fnDecl()) return ast::Item(BuildDeclaration<ast::FnDecl>(c));
    if (auto* c = item->flowDecl()) return ast::Item(BuildFlow(c));
    return ast::Item(BuildTest(item->testDecl()));
  }

  ast::Expr BuildExpr(FlowParser::ExprContext* context) {
    // `a + b + …` nests to the left as deep as it is long: down the left side in a loop.
    std::vector<FlowParser::ExprContext*> spine = {context};
    while (auto* left = dynamic_cast<FlowParser::ExprContext*>(spine.back()->children.front())) {
      spine.push_back(left);
    }
    if (depth_ + spine.size() > kMaxDepth) {
      TooDeep(RangeOf(context));
      return {};
    }
    depth_ += spine.size();
    ast::Expr expr = BuildPrimary(spine.back());
    for (size_t i = spine.size() - 1; i-- > 0;) expr = BuildOn(std::move(expr), spine[i]);
    depth_ -= spine.size();
    return expr;
  }

 private:
  // Places.

  const Token& TokenAt(size_t index) const { return tokens_[index]; }
  const Token& TokenOf(antlr4::tree::TerminalNode* node) const {
    return TokenAt(node->getSymbol()->getTokenIndex());
  }
  const Token& TokenOf(antlr4::Token* token) const { return TokenAt(token->getTokenIndex()); }
  SourceRange RangeOf(antlr4::ParserRuleContext* context) const {
    return Cover(TokenOf(context->getStart()).range, TokenOf(context->getStop()).range);
  }

  void TooDeep(SourceRange where) {
    if (!failed_) {
      diagnostics_
          .Add(DiagnosticKind::kNestingTooDeep, {where.begin, where.begin + 1},
               "this expression is nested deeper than " + std::to_string(kMaxDepth) + " levels")
          .help = "name the inner parts with `let`";
    }
    failed_ = true;
  }

  // Names.

  ast::Name BuildName(const Token& token) const {
    std::string_view text = token.text;
    if (text.front() == '`') text = text.substr(1, text.size() - 2);
    return {std::string(text), token.range};
  }
  ast::Name BuildName(antlr4::ParserRuleContext* name_or_key) const {
    return BuildName(TokenOf(name_or_key->getStart()));
  }

  template <typename Context>
  std::vector<ast::Name> BuildNames(const std::vector<Context*>& contexts) const {
    std::vector<ast::Name> names;
    for (Context* context : contexts) names.push_back(BuildName(context));
    return names;
  }

  ast::Path BuildPath(FlowParser::PathContext* context) const {
    return {BuildNames(context->name()), RangeOf(context)};
  }

  // Items.

  ast::ImportDecl BuildImport(FlowParser::ImportDeclContext* context) {
    const Token& from = TokenOf(context->STRING());
    return {BuildNames(context->name()), context->LBRACE() != nullptr, BuildString(from),
            from.range, RangeOf(context)};
  }

  ast::ParamDecl BuildParam(FlowParser::ParamDeclContext* context) {
    ast::ParamDecl param;
    param.name = BuildName(context->name());
    param.type = BuildType(context->type());
    if (context->range != nullptr) param.in = BuildExpr(context->range);
    if (context->value != nullptr) param.default_value = BuildExpr(context->value);
    param.range = RangeOf(context);
    return param;
  }

  // A store, a model or a function.
  template <typename Decl, typename Context>
  Decl BuildDeclaration(Context* context) {
    Decl declaration;
    declaration.name = BuildName(context->name());
    if (context->signature() != nullptr) {
      declaration.signature = BuildSignature(context->signature());
    }
    declaration.block = BuildBlock(context->block());
    declaration.range = RangeOf(context);
    return declaration;
  }

  ast::FlowDecl BuildFlow(FlowParser::FlowDeclContext* context) {
    ast::FlowDecl flow;
    flow.name = BuildName(context->name());
    flow.signature = BuildSignature(context->signature());
    flow.with = BuildWith(context->withClause());
    for (FlowParser::StmtContext* stmt : context->stmt()) flow.body.push_back(BuildStmt(stmt));
    flow.range = RangeOf(context);
    return flow;
  }

  ast::TestDecl BuildTest(FlowParser::TestDeclContext* context) {
    ast::TestDecl test;
    test.title = BuildString(TokenOf(context->STRING()));
    for (FlowParser::TestStmtContext* stmt : context->testStmt()) {
      test.body.push_back(BuildTestStmt(stmt));
    }
    test.range = RangeOf(context);
    return test;
  }

  ast::TestStmt BuildTestStmt(FlowParser::TestStmtContext* context) {
    ast::TestStmt stmt;
    stmt.range = RangeOf(context);
    if (auto* stub = dynamic_cast<FlowParser::StubStmtContext*>(context)) {
      stmt.kind = ast::TestStmt::Kind::kStub;
      stmt.stub = BuildPath(stub->path());
      stmt.expr = BuildExpr(stub->expr());
    } else if (auto* given = dynamic_cast<FlowParser::GivenStmtContext*>(context)) {
      stmt.kind = ast::TestStmt::Kind::kGiven;
      stmt.name = BuildName(given->name());
      if (given->type() != nullptr) stmt.type = BuildType(given->type());
      stmt.expr = BuildExpr(given->expr());
    } else if (auto* let = dynamic_cast<FlowParser::TestLetContext*>(context)) {
      stmt.kind = ast::TestStmt::Kind::kLet;
      stmt.let = BuildLet(let->let());
    } else if (auto* expect = dynamic_cast<FlowParser::ExpectStmtContext*>(context)) {
      stmt.kind = ast::TestStmt::Kind::kExpect;
      stmt.expr = BuildExpr(expect->expr());
    }
    return stmt;
  }

  // Types.

  ast::Signature BuildSignature(FlowParser::SignatureContext* context) {
    ast::Signature signature;
    signature.params = BuildColumns(context->columns());
    signature.range = RangeOf(context);
    if (auto* columns = dynamic_cast<FlowParser::ResultColumnsContext*>(context->results())) {
      signature.has_results = true;
      signature.results = BuildColumns(columns->columns());
    } else if (auto* type = dynamic_cast<FlowParser::ResultTypeContext*>(context->results())) {
      signature.result_type = BuildType(type->type());
    }
    return signature;
  }

  std::vector<ast::Column> BuildColumns(FlowParser::ColumnsContext* context) {
    std::vector<ast::Column> columns;
    if (context == nullptr) return columns;
    for (FlowParser::ColumnContext* column : context->column()) {
      columns.push_back(BuildColumn(column));
    }
    return columns;
  }

  ast::Column BuildColumn(FlowParser::ColumnContext* context) {
    ast::Column column;
    column.name = BuildName(context->name());
    column.type = BuildType(context->type());
    if (context->expr() != nullptr) column.default_value.push_back(BuildExpr(context->expr()));
    column.range = RangeOf(context);
    return column;
  }

  ast::Record BuildRecord(FlowParser::RecordContext* context) {
    ast::Record record;
    for (FlowParser::RecordPartContext* part : context->recordPart()) {
      if (auto* column = dynamic_cast<FlowParser::RecordColumnContext*>(part)) {
        record.columns.push_back(BuildColumn(column->column()));
      } else {
        record.ellipses.push_back(RangeOf(part));
      }
    }
    record.range = RangeOf(context);
    return record;
  }

  ast::TypeExpr BuildType(FlowParser::TypeContext* context) {
    ast::TypeExpr type;
    type.stream = context->STREAM() != nullptr;
    if (context->path() != nullptr) type.path = BuildPath(context->path());
    if (context->record() != nullptr) type.record = BuildRecord(context->record());
    for (FlowParser::DimContext* dim : context->dim()) type.dims.push_back(BuildDim(dim));
    type.optional = context->QUESTION() != nullptr;
    type.range = RangeOf(context);
    return type;
  }

  ast::Dim BuildDim(FlowParser::DimContext* context) {
    std::vector<FlowParser::DimContext*> spine = {context};
    while (auto* left = dynamic_cast<FlowParser::DimContext*>(spine.back()->children.front())) {
      spine.push_back(left);
    }
    if (spine.size() > kMaxDepth) {
      TooDeep(RangeOf(context));
      return {};
    }
    ast::Dim dim = BuildPlainDim(spine.back());
    for (size_t i = spine.size() - 1; i-- > 0;) {
      auto* binary = dynamic_cast<FlowParser::DimBinaryContext*>(spine[i]);
      ast::Dim outer;
      outer.kind = ast::Dim::Kind::kBinary;
      outer.text = std::string(TokenOf(binary->op).text);
      outer.range = RangeOf(binary);
      outer.children.push_back(std::move(dim));
      outer.children.push_back(BuildDim(binary->dim(1)));
      dim = std::move(outer);
    }
    return dim;
  }

  ast::Dim BuildPlainDim(FlowParser::DimContext* context) {
    ast::Dim dim;
    const Token& token = TokenOf(context->getStart());
    dim.range = token.range;
    if (dynamic_cast<FlowParser::DimEllipsisContext*>(context) != nullptr) {
      dim.kind = ast::Dim::Kind::kEllipsis;
    } else if (dynamic_cast<FlowParser::DimIntContext*>(context) != nullptr) {
      dim.kind = ast::Dim::Kind::kInt;
      dim.value = Int(token);
    } else {
      dim.kind = ast::Dim::Kind::kName;
      dim.text = BuildName(token).text;
    }
    return dim;
  }

  // Settings.

  std::optional<ast::Block> BuildWith(FlowParser::WithClauseContext* context) {
    if (context == nullptr) return std::nullopt;
    return BuildBlock(context->block());
  }

  ast::Block BuildBlock(FlowParser::BlockContext* context) {
    ast::Block block;
    block.range = RangeOf(context);
    for (FlowParser::EntryContext* part : context->entry()) {
      ast::Entry entry;
      entry.range = RangeOf(part);
      if (auto* value = dynamic_cast<FlowParser::EntryValueContext*>(part)) {
        entry.key = BuildName(value->key());
        entry.value = BuildExpr(value->expr());
      } else if (auto* inner = dynamic_cast<FlowParser::EntryBlockContext*>(part)) {
        entry.key = BuildName(inner->key());
        entry.block = BuildBlock(inner->block());
      }
      block.entries.push_back(std::move(entry));
    }
    return block;
  }

  // Statements and pipelines.

  ast::Stmt BuildStmt(FlowParser::StmtContext* context) {
    if (auto* let = dynamic_cast<FlowParser::LetStmtContext*>(context)) return BuildLet(let->let());
    ast::Return result;
    result.range = RangeOf(context);
    if (auto* named = dynamic_cast<FlowParser::ReturnNamedContext*>(context)) {
      for (FlowParser::ResultContext* value : named->result()) {
        result.values.push_back({BuildName(value->name()), BuildPipeline(value->pipeline())});
      }
    } else if (auto* one = dynamic_cast<FlowParser::ReturnOneContext*>(context)) {
      result.values.push_back({std::nullopt, BuildPipeline(one->pipeline())});
    }
    return result;
  }

  ast::Let BuildLet(FlowParser::LetContext* context) {
    return {BuildNames(context->binder()->name()), BuildPipeline(context->pipeline()),
            RangeOf(context)};
  }

  ast::Pipeline BuildPipeline(FlowParser::PipelineContext* context) {
    ast::Pipeline pipeline;
    pipeline.head = BuildExpr(context->expr());
    pipeline.with = BuildWith(context->withClause());
    for (FlowParser::StepContext* step : context->step()) pipeline.steps.push_back(BuildStep(step));
    pipeline.range = RangeOf(context);
    return pipeline;
  }

  ast::Step BuildStep(FlowParser::StepContext* context) {
    ast::Step step;
    step.range = RangeOf(context);
    if (++depth_ > kMaxDepth) {
      TooDeep(step.range);
      return step;
    }
    step.path = BuildPath(context->path());
    step.has_args = context->args() != nullptr;
    if (step.has_args) step.args = BuildArgs(context->args());
    if (context->branches() != nullptr) {
      for (FlowParser::BranchContext* branch : context->branches()->branch()) {
        step.branches.push_back(BuildBranch(branch));
      }
    }
    if (context->name() != nullptr) step.as = BuildName(context->name());
    step.with = BuildWith(context->withClause());
    if (context->step() != nullptr) step.rescue.push_back(BuildStep(context->step()));
    --depth_;
    return step;
  }

  ast::Branch BuildBranch(FlowParser::BranchContext* context) {
    ast::Branch branch;
    if (context->expr() != nullptr) branch.when = BuildExpr(context->expr());
    for (FlowParser::StepContext* step : context->chain()->step()) {
      branch.chain.push_back(BuildStep(step));
    }
    branch.range = RangeOf(context);
    return branch;
  }

  std::vector<ast::Arg> BuildArgs(FlowParser::ArgsContext* context) {
    std::vector<ast::Arg> args;
    for (FlowParser::ArgContext* part : context->arg()) {
      ast::Arg arg;
      arg.range = RangeOf(part);
      if (auto* option = dynamic_cast<FlowParser::ArgOptionContext*>(part)) {
        arg.kind = ast::Arg::Kind::kOption;
        arg.key = BuildName(option->key());
        arg.value = JustHead(option->expr());
      } else if (auto* define = dynamic_cast<FlowParser::ArgDefineContext*>(part)) {
        arg.kind = ast::Arg::Kind::kDefine;
        arg.key = BuildName(define->name());
        arg.value = JustHead(define->expr());
      } else if (auto* value = dynamic_cast<FlowParser::ArgPositionalContext*>(part)) {
        arg.value = BuildPipeline(value->pipeline());
      }
      args.push_back(std::move(arg));
    }
    return args;
  }

  ast::Pipeline JustHead(FlowParser::ExprContext* context) {
    ast::Pipeline pipeline;
    pipeline.head = BuildExpr(context);
    pipeline.range = RangeOf(context);
    return pipeline;
  }

  // Expressions.

  ast::Expr MakeExpr(ast::Expr::Kind kind, antlr4::ParserRuleContext* context) const {
    ast::Expr expr;
    expr.kind = kind;
    expr.range = RangeOf(context);
    return expr;
  }

  static void SetText(ast::Expr& expr, std::string text, SourceRange range) {
    expr.text = std::move(text);
    expr.text_range = range;
  }

  // An expression that begins with the operand `left`.
  ast::Expr BuildOn(ast::Expr left, FlowParser::ExprContext* context) {
    using Kind = ast::Expr::Kind;
    ast::Expr expr = MakeExpr(Kind::kBinary, context);
    expr.children.push_back(std::move(left));
    if (auto* binary = dynamic_cast<FlowParser::BinaryContext*>(context)) {
      const Token& op = TokenOf(binary->op);
      SetText(expr, std::string(op.text), op.range);
      if (binary->negation != nullptr) {
        SetText(expr, "not in", Cover(TokenOf(binary->negation).range, op.range));
      }
      expr.children.push_back(BuildExpr(binary->expr(1)));
    } else if (auto* member = dynamic_cast<FlowParser::MemberContext*>(context)) {
      expr.kind = Kind::kMember;
      ast::Name name = BuildName(member->name());
      SetText(expr, std::move(name.text), name.range);
    } else if (auto* index = dynamic_cast<FlowParser::IndexContext*>(context)) {
      expr.kind = Kind::kIndex;
      const auto parts = index->expr();
      for (size_t i = 1; i < parts.size(); ++i) expr.children.push_back(BuildExpr(parts[i]));
    } else if (auto* call = dynamic_cast<FlowParser::CallContext*>(context)) {
      expr.kind = Kind::kCall;
      expr.args = BuildArgs(call->args());
    } else if (auto* is_null = dynamic_cast<FlowParser::IsNullContext*>(context)) {
      expr.kind = Kind::kIsNull;
      SetText(expr, is_null->negation != nullptr ? "is not null" : "is null",
              Cover(TokenOf(is_null->IS()).range, TokenOf(is_null->NULL_()).range));
    }
    return expr;
  }

  // An expression that does not begin with another one.
  ast::Expr BuildPrimary(FlowParser::ExprContext* context) {
    using Kind = ast::Expr::Kind;
    if (auto* constant = dynamic_cast<FlowParser::ConstantContext*>(context)) {
      return BuildLiteral(constant->literal());
    }
    if (dynamic_cast<FlowParser::VariableContext*>(context) != nullptr) {
      ast::Expr expr = MakeExpr(Kind::kName, context);
      expr.text = BuildName(context).text;
      return expr;
    }
    if (auto* group = dynamic_cast<FlowParser::GroupContext*>(context)) {
      return BuildExpr(group->expr());
    }
    if (auto* unary = dynamic_cast<FlowParser::UnaryContext*>(context)) {
      ast::Expr expr = MakeExpr(Kind::kUnary, context);
      SetText(expr, std::string(TokenOf(unary->op).text), TokenOf(unary->op).range);
      expr.children.push_back(BuildExpr(unary->expr()));
      return expr;
    }
    if (auto* conditional = dynamic_cast<FlowParser::ConditionalContext*>(context)) {
      ast::Expr expr = MakeExpr(Kind::kIf, context);
      for (auto* part : conditional->expr()) expr.children.push_back(BuildExpr(part));
      return expr;
    }
    if (auto* list = dynamic_cast<FlowParser::ListContext*>(context)) {
      ast::Expr expr = MakeExpr(Kind::kList, context);
      for (auto* part : list->expr()) expr.children.push_back(BuildExpr(part));
      return expr;
    }
    ast::Expr expr = MakeExpr(Kind::kRecord, context);
    for (auto* field : dynamic_cast<FlowParser::FieldsContext*>(context)->field()) {
      expr.names.push_back(BuildName(field->name()));
      expr.children.push_back(BuildExpr(field->expr()));
    }
    return expr;
  }

  // Literals.

  ast::Expr BuildLiteral(FlowParser::LiteralContext* context) {
    using Kind = ast::Expr::Kind;
    const Token& token = TokenOf(context->kind);
    ast::Expr expr = MakeExpr(Kind::kNull, context);
    expr.text = std::string(token.text);
    switch (token.type) {
      case FlowLexer::INT:
      case FlowLexer::HEX:
        expr.kind = Kind::kInt;
        // Whether it fits is a question of its type and of a sign before it.
        if (!UnsignedValue(token.text) && !CheckInt(token)) expr.text = "0";
        break;
      case FlowLexer::FLOAT:
        expr.kind = Kind::kFloat;
        if (!CheckFloat(token)) expr.text = "0.0";
        break;
      case FlowLexer::QUANTITY:
        expr.kind = Kind::kQuantity;
        std::erase_if(expr.text, [](char c) { return c == ' ' || c == '\t'; });
        CheckUnit(token);
        break;
      case FlowLexer::STRING:
      case FlowLexer::TEXT:
        expr.kind = Kind::kString;
        expr.text = BuildString(token);
        break;
      case FlowLexer::FSTRING:
      case FlowLexer::FTEXT:
        expr.kind = Kind::kFString;
        expr.text = std::string(source_.Text(ContentOf(token)));
        expr.children = BuildHoles(ContentOf(token));
        break;
      case FlowLexer::TRUE_:
      case FlowLexer::FALSE_: expr.kind = Kind::kBool; break;
      default: expr.text.clear();
    }
    return expr;
  }

  bool CheckInt(const Token& token) {
    if (IntValue(token.text)) return true;
    diagnostics_
        .Add(DiagnosticKind::kBadLiteral, token.range,
             "`" + std::string(token.text.substr(0, 40)) + "` does not fit any integer type")
        .help = "the greatest is 9223372036854775807 of an i64, 18446744073709551615 of a u64";
    return false;
  }

  bool CheckFloat(const Token& token) {
    if (FloatValue(token.text)) return true;
    diagnostics_.Add(DiagnosticKind::kBadLiteral, token.range,
                     "`" + std::string(token.text.substr(0, 40)) + "` does not fit `f64`");
    return false;
  }

  void CheckUnit(const Token& token) {
    const std::string_view unit = UnitOf(token.text);
    if (IsUnit(unit)) return;
    Diagnostic& error = diagnostics_.Add(DiagnosticKind::kBadLiteral, token.range,
                                         "there is no unit `" + std::string(unit) + "`");
    const std::string_view own = OwnUnit(unit);
    error.help =
        "times are ns, us, ms, s, min, h; sizes B, kB, MB, GB, KiB, MiB, GiB; also %, rps, tok";
    if (own.empty()) return;
    const std::string right =
        std::string(token.text.substr(0, token.text.size() - unit.size())) + std::string(own);
    error.Fix("write `" + right + "`", right);
  }

  EditionDecl BuildEdition(FlowParser::EditionContext* context) {
    const Token& number = TokenOf(context->INT());
    const std::optional<int64_t> edition = IntValue(number.text);
    if (!edition) {
      diagnostics_
          .Add(DiagnosticKind::kUnknownEdition, number.range,
               "no release knows edition " + std::string(number.text.substr(0, 40)))
          .Fix("write `edition 1`", "1");
    }
    return {edition.value_or(1), RangeOf(context)};  // the edition as which it is read
  }

  int64_t Int(const Token& token) { return CheckInt(token) ? *IntValue(token.text) : 0; }

  SourceRange ContentOf(const Token& token) const {
    const SourceRange content = StringContent(source_.Text(token.range));
    return {token.range.begin + content.begin, token.range.begin + content.end};
  }

  void ReportLiteral(const LiteralError& error, SourceRange content) {
    diagnostics_
        .Add(DiagnosticKind::kBadLiteral,
             {content.begin + error.where.begin, content.begin + error.where.end}, error.message)
        .help = error.help;
  }

  std::string BuildString(const Token& token) {
    const SourceRange content = ContentOf(token);
    const std::string_view text = source_.Text(content);
    for (const LiteralError& error : CheckEscapes(text)) ReportLiteral(error, content);
    return Unescape(token.type == FlowLexer::TEXT ? Dedent(text) : std::string(text));
  }

  std::vector<ast::Expr> BuildHoles(SourceRange content) {
    const std::string_view text = source_.Text(content);
    const Holes holes = FindHoles(text);
    for (const LiteralError& error : holes.errors) ReportLiteral(error, content);
    std::vector<ast::Expr> exprs;
    int32_t begin = 0;  // of the text before the hole
    for (const SourceRange& hole : holes.ranges) {
      CheckHoleText(content, begin, hole.begin - 1);
      exprs.push_back(BuildHole({content.begin + hole.begin, content.begin + hole.end}));
      begin = hole.end + 1;
    }
    CheckHoleText(content, begin, static_cast<int32_t>(text.size()));
    return exprs;
  }

  void CheckHoleText(SourceRange content, int32_t begin, int32_t end) {
    const SourceRange part = {content.begin + begin, content.begin + end};
    for (const LiteralError& error : CheckEscapes(source_.Text(part))) ReportLiteral(error, part);
  }

  // A hole is lexed and parsed like an item of its own.
  ast::Expr BuildHole(SourceRange range) {
    if (failed_) return {};
    std::vector<Token> tokens = Lex(source_, range).tokens;
    std::erase_if(tokens, [](const Token& token) { return token.kind == Token::Kind::kDoc; });
    if (tokens.empty()) {
      diagnostics_.Add(DiagnosticKind::kSyntaxError, {range.begin - 1, range.end + 1},
                       "expected an expression between the braces");
      failed_ = true;
      return {};
    }
    if (ReportFormat(source_, tokens, range, diagnostics_) ||
        Repair(source_, tokens, diagnostics_) != Repaired::kAll ||
        tokens.empty() ||  // a foreign comment and nothing else: reported
        !CheckNesting(source_, tokens, diagnostics_)) {
      failed_ = true;
      return {};
    }
    Run run(tokens);
    FlowParser::HoleContext* context = run.Hole();
    if (context == nullptr) {
      ReportSyntaxError(tokens, run.error_index(), Rule::kHole, diagnostics_);
      failed_ = true;
      return {};
    }
    TreeBuilder builder(source_, tokens, diagnostics_);
    ast::Expr expr = builder.BuildExpr(context->expr());
    failed_ = builder.failed();
    return expr;
  }

  const Source& source_;
  std::span<const Token> tokens_;
  Diagnostics& diagnostics_;
  size_t depth_ = 0;
  bool failed_ = false;
};

}  // namespace

std::mutex& GrammarMutex() {
  static std::mutex mutex;
  return mutex;
}

LexResult Lex(const Source& source, SourceRange range) {
  const std::string_view text = source.Text(range);
  const ByteOffsets offsets(text, range.begin);
  antlr4::ANTLRInputStream input{std::string(text)};
  FlowLexer lexer(&input);
  lexer.removeErrorListeners();
  LexResult result;
  SourceRange comment;  // the last one; a nested one ends where the outer goes on
  for (;;) {
    const std::unique_ptr<antlr4::Token> token = lexer.nextToken();
    const size_t start = token->getStartIndex();
    if (token->getType() == antlr4::Token::EOF) {
      if (lexer.modeStack.empty()) break;
      const int32_t begin = offsets[start] == comment.end ? comment.begin : offsets[start];
      result.open_comment = SourceRange{begin, begin + 2};
      break;
    }
    const SourceRange place = {offsets[start], offsets[token->getStopIndex() + 1]};
    if (token->getType() == FlowLexer::BLOCK) {
      comment = {place.begin == comment.end ? comment.begin : place.begin, place.end};
    } else if (token->getType() != FlowLexer::LINE_COMMENT) {
      const std::string_view spelling = source.Text(place);
      if (spelling.starts_with("////")) continue;  // a rule across the page
      result.tokens.push_back({KindOf(token->getType()), token->getType(), place, spelling});
    }
  }
  return result;
}

size_t TypeOf(std::string_view spelling) {
  static const std::unordered_map<std::string, size_t> kTypes = [] {
    std::unordered_map<std::string, size_t> map;
    antlr4::ANTLRInputStream nothing;
    const FlowLexer lexer(&nothing);
    for (size_t type = 1; type <= lexer.getVocabulary().getMaxTokenType(); ++type) {
      const std::string literal = lexer.getVocabulary().getLiteralName(type);
      if (literal.size() > 2) map.emplace(literal.substr(1, literal.size() - 2), type);
    }
    return map;
  }();
  return kTypes.at(std::string(spelling));
}

size_t TypeOf(Sample sample) {
  switch (sample) {
    case Sample::kName: return FlowLexer::ID;
    case Sample::kInt: return FlowLexer::INT;
    case Sample::kQuantity: return FlowLexer::QUANTITY;
    case Sample::kString: return FlowLexer::STRING;
    case Sample::kText: return FlowLexer::TEXT;
  }
  return 0;
}

void ForgetParsed() {
  antlr4::ANTLRInputStream nothing;
  FlowLexer lexer(&nothing);
  lexer.getInterpreter<antlr4::atn::LexerATNSimulator>()->clearDFA();
  antlr4::CommonTokenStream tokens(&lexer);
  FlowParser parser(&tokens);
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->clearDFA();
}

size_t FirstError(std::span<const Token> tokens, Rule rule) {
  Run run(tokens);
  if (rule == Rule::kHole) {
    run.Hole();
  } else {
    run.Unit();
  }
  return run.error_index();
}

std::optional<Unit> ParseUnit(const Source& source, std::span<const Token> tokens,
                              Diagnostics& diagnostics) {
  Run run(tokens);
  FlowParser::UnitContext* context = run.Unit();
  if (context == nullptr) {
    ReportSyntaxError(tokens, run.error_index(), Rule::kUnit, diagnostics);
    return std::nullopt;
  }
  TreeBuilder builder(source, tokens, diagnostics);
  Unit unit = builder.BuildUnit(context);
  if (builder.failed()) return std::nullopt;
  return unit;
}

}  // namespace raceway::dsl
