#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/check/declarations.h"
#include "compiler/plan/logical_plan.h"
#include "dsl/ast.h"
#include "dsl/source.h"
#include "engine/data/schema.h"
#include "engine/plan/physical_plan.h"
#include "engine/value.h"

/// A `test` of a flow file, checked: names are resolved and types fit, so that whoever runs it only
/// has to compute. Its values stay syntax: they are computed on what came out, not on columns.
namespace raceway::compiler {

/// `stub small => answer`
struct TestStub {
  std::string function;
  dsl::ast::Expr answer;
  bool is_store = false;  // then its rows, or one record for whatever key
};

/// `given images = rows`
struct TestGiven {
  std::string table;
  engine::Schema schema;
  dsl::ast::Expr rows;
  std::vector<std::pair<std::string, engine::Value>> defaults;  // of columns that rows may lack
};

/// `let out = flow(table)`, `let (a, b) = flow(t, u)`
struct TestRun {
  std::vector<std::string> tables;  // what comes out, in the order of the flow's signature
  std::string flow;
  std::vector<std::string> inputs;  // the tables that go in, likewise
  dsl::SourceRange range;
  bool may_fail = false;                     // the test asks for `error(table)` of one
  std::optional<LogicalPlan> logical;        // where plans were asked for
  std::optional<engine::PhysicalPlan> plan;  // likewise
};

/// `expect condition`
struct TestExpect {
  dsl::ast::Expr condition;
  /// The list of records of `expect out == [ … ]`, which could be written anew.
  std::optional<dsl::SourceRange> rows;
};

using TestStep = std::variant<TestGiven, TestRun, TestExpect>;

struct TestCase {
  std::string title;
  dsl::SourceRange range;  // of the item
  bool is_broken = false;  // it has a mistake, reported; not to be run
  std::vector<TestStub> stubs;
  std::vector<TestStep> steps;              // in the order of the text
  std::map<std::string, Param> parameters;  // of the file
};

}  // namespace raceway::compiler
