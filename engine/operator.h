#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/cancel.h"
#include "engine/data/batch.h"
#include "engine/plan/physical_plan.h"
#include "engine/result.h"
#include "engine/store.h"

namespace raceway::engine {

class Request;
class Workers;

/// The rows that a step with branches (`rescue`, `anyof`) was given. In its branches, row ids are
/// places in there, however often some of these rows are tried again.
struct BranchInput {
  const Batch& rows;
  const BranchInput* outer;  // of the step around it; null for the outermost

  /// Where the row `id` was in the input of the outermost step.
  int64_t OutermostPlace(int64_t id) const {
    return outer != nullptr ? outer->OutermostPlace(rows.RowId(id)) : id;
  }
};

/// What an operator may ask of its surroundings while it runs.
struct RunContext {
  const CancelToken& cancel;
  const Clock& clock;
  const BranchInput* branch_input = nullptr;  // null outside of branches
  Workers* workers = nullptr;                 // null: there is this thread only
  Request* request = nullptr;                 // null within branches, whose `cancel` is not its own
};

/// Who gets what an operator answers later, once, from any thread.
using Answer = std::function<void(Result<Batch>)>;

/// One batch → one batch.
///
/// Immutable and thread-safe: `Run` is called by several threads at once. It may throw; the node
/// turns what it throws into the request's error. It knows nothing of threads, queues or requests.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual Result<Batch> Run(Batch input, RunContext& context) const = 0;

  /// Whether it has a `Start` of its own.
  virtual bool may_answer_later() const { return false; }
  /// As `Run`, but where it says nothing, `answer` gets the result: before it returns, or later.
  /// What belongs to the call (`context`, the request) may be gone once `answer` has it.
  virtual std::optional<Result<Batch>> Start(Batch input, RunContext& context,
                                             const Answer& /*answer*/) const {
    return Run(std::move(input), context);
  }

  /// Whether no rows in means no rows out, so that the graph need not run it on an empty batch.
  virtual bool is_row_wise() const { return true; }
};

/// Several batches of one request → one.
class Merger {
 public:
  virtual ~Merger() = default;
  virtual Result<Batch> Run(std::span<Batch> inputs, RunContext& context) const = 0;
};

/// One batch → several.
class Splitter {
 public:
  virtual ~Splitter() = default;
  /// Writes `outputs.size()` batches.
  virtual Status Run(Batch input, std::span<Batch> outputs, RunContext& context) const = 0;
};

using AnyOperator =
    std::variant<std::unique_ptr<Operator>, std::unique_ptr<Merger>, std::unique_ptr<Splitter>>;

/// What an operator is made from. All references outlive the factory call, not the operator.
struct OperatorSpec {
  const StepSpec& step;
  std::vector<SchemaPtr> inputs;            // one, or several for a Merger
  std::vector<SchemaPtr> outputs;           // one, or several for a Splitter
  std::string device;                       // "cpu"
  std::filesystem::path base_dir;           // what paths in `options` are relative to
  const StoreOpener* open_store = nullptr;  // null: there are no stores
};

/// Errors   InvalidArgument for a spec it cannot make sense of, Unavailable for a missing file or
///          device. Called once per deployment; may take long (it loads models).
using OperatorFactory = Result<AnyOperator> (*)(const OperatorSpec& spec);

/// Name → factory. Filled by `operators/register_all.h`, one line for each operator.
class OperatorFactories {
 public:
  void Add(std::string name, OperatorFactory factory) {
    factories_.emplace_back(std::move(name), factory);
  }
  OperatorFactory Find(std::string_view name) const {
    for (const auto& [candidate, factory] : factories_) {
      if (candidate == name) return factory;
    }
    return nullptr;
  }

 private:
  std::vector<std::pair<std::string, OperatorFactory>> factories_;
};

}  // namespace raceway::engine
