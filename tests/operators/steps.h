#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog.h"
#include "engine/operator.h"
#include "operators/contracts.h"
#include "operators/register_all.h"
#include "tests/engine/data/columns.h"

/// Steps of a plan, made and run without a graph.
namespace raceway::operators::testing {

using namespace engine::testing;  // NOLINT: columns and batches
using engine::AnyOperator;
using engine::Batch;
using engine::Column;
using engine::Expression;
using engine::OperatorSpec;
using engine::Result;
using engine::SchemaPtr;
using engine::StepSpec;
using engine::Value;

inline const engine::Catalog& Contracts() {
  static const engine::Catalog catalog = [] {
    engine::Catalog all;
    RegisterContracts(all);
    return all;
  }();
  return catalog;
}

inline Expression Col(std::string name, std::string_view type) {
  return Expression::Column(std::move(name), T(type));
}
inline Expression Lit(Value value, std::string_view type) {
  return Expression::Constant(std::move(value), T(type));
}
/// With the type that the contract gives it.
inline Expression Call(const std::string& name, std::vector<Expression> args) {
  std::vector<engine::Type> types;
  for (const Expression& arg : args) types.push_back(arg.type);
  const engine::ColumnFunctionContract* contract = Contracts().FindColumnFunction(name);
  const Result<engine::Type> type = contract->TypeOf(types, ConstantsOf(args));
  if (!type) std::fprintf(stderr, "%s\n", type.error().message.c_str());
  return Expression::Call(name, std::move(args), *type);
}

inline Result<AnyOperator> Make(const StepSpec& step, std::vector<SchemaPtr> inputs,
                                const std::filesystem::path& base_dir = ".",
                                std::string device = "cpu") {
  static const engine::OperatorFactories factories = [] {
    engine::OperatorFactories all;
    RegisterAll(all);
    return all;
  }();
  std::vector<SchemaPtr> outputs;
  for (const engine::Schema& output : step.outputs) {
    outputs.push_back(std::make_shared<const engine::Schema>(output));
  }
  return factories.Find(step.op)(
      OperatorSpec{step, std::move(inputs), std::move(outputs), std::move(device), base_dir});
}

/// "" if it can be made.
inline std::string MakeError(const StepSpec& step, std::vector<SchemaPtr> inputs,
                             const std::filesystem::path& base_dir = ".",
                             std::string device = "cpu") {
  const Result<AnyOperator> made = Make(step, std::move(inputs), base_dir, std::move(device));
  if (made.ok()) return "";
  return std::string(NameOf(made.error().code)) + ": " + made.error().Text();
}

inline Result<Batch> RunMade(const AnyOperator& op, Batch input) {
  const engine::CancelToken cancel;
  const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  return std::get<std::unique_ptr<engine::Operator>>(op)->Run(std::move(input), context);
}

/// Made and run once, or why not.
inline Result<Batch> RunStep(const StepSpec& step, Batch input,
                             const std::filesystem::path& base_dir = ".") {
  Result<AnyOperator> made = Make(step, {input.schema()}, base_dir);
  if (!made) return std::move(made).error();
  return RunMade(*made, std::move(input));
}

/// The rows of `batch` one by one, each as a batch of its own with its row id.
inline std::vector<Batch> RowByRow(const Batch& batch) {
  std::vector<Batch> rows;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    std::vector<Column> columns;
    for (const Column& column : batch.columns()) columns.push_back(column.Slice(row, row + 1));
    rows.emplace_back(batch.schema(), std::move(columns), 1,
                      std::make_shared<const std::vector<int64_t>>(1, batch.RowId(row)));
  }
  return rows;
}

/// What `step` answers row by row, as one text: the same as for the whole batch.
inline std::string TextRowByRow(const StepSpec& step, const Batch& batch,
                                const std::filesystem::path& base_dir = ".") {
  const Result<AnyOperator> made = Make(step, {batch.schema()}, base_dir);
  std::string text;
  for (Batch& row : RowByRow(batch)) text += Text(RunMade(*made, std::move(row)));
  return text;
}

/// A folder of its own for a test, gone after it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "raceway-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void Write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace raceway::operators::testing
