#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/check/table.h"
#include "dsl/source.h"

namespace raceway::compiler {

/// A table at one place of a flow, for people and editors.
struct TableFact {
  struct Column {
    std::string name;
    std::string id;           // in its flow; the same for two names of one column
    std::string type;         // "u8[H, W, 3]"
    dsl::SourceRange origin;  // where it is defined or declared
  };

  std::vector<Column> columns;
  bool has_more = false;  // `...`: columns of the caller pass as well

  const Column* Find(std::string_view name) const;
};

/// What the checker found out on its way through the flows of a file, also where it found mistakes:
/// the tables before and after each step, as far as it came.
class Facts {
 public:
  struct Step {
    dsl::SourceRange range;
    size_t before;              // into `tables`
    std::vector<size_t> after;  // two after `split`, none after a mistake
  };
  /// A name (or call) that stands for a table: in a `let`, or at the head of a pipeline.
  struct Named {
    dsl::SourceRange range;
    size_t table;
  };

  size_t AddTable(const Table& table, const PlanBuilder& builder);

  std::vector<TableFact> tables;
  std::vector<Step> steps;
  std::vector<Named> named;
};

}  // namespace raceway::compiler
