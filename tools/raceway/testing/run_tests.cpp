// The engine's side of `raceway test`: each test with an engine of its own.
#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "engine/engine.h"
#include "engine/store/open_store.h"
#include "engine/store/row_store.h"
#include "tools/raceway/files.h"
#include "tools/raceway/runtime/rows.h"
#include "tools/raceway/test_request.h"
#include "tools/raceway/testing/cells.h"
#include "tools/raceway/testing/evaluate.h"
#include "tools/raceway/testing/show.h"
#include "tools/raceway/testing/stub_store.h"
#include "tools/raceway/testing/watch.h"

namespace raceway::tools {
namespace {

using compiler::TestExpect;
using compiler::TestGiven;
using compiler::TestRun;
using compiler::TestStub;
using dsl::ast::Expr;
using engine::Batch;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Value;

bool IsCallOf(const Expr& expr, std::string_view name) {
  return expr.kind == Expr::Kind::kCall && expr.children.front().text == name;
}

/// Records without some columns.
Value Without(Value records, const std::vector<std::string>& columns) {
  if (columns.empty()) return records;
  Value::List list;
  for (const Value& record : *records.AsList()) {
    Value::Record rest;
    for (const auto& [name, value] : *record.AsRecord()) {
      const bool is_out = std::find(columns.begin(), columns.end(), name) != columns.end();
      if (!is_out) rest.emplace_back(name, value);
    }
    list.emplace_back(std::move(rest));
  }
  return Value(std::move(list));
}

class TestRunner final : public TestFacts {
 public:
  TestRunner(const compiler::TestCase& test, const TestRequest& request)
      : test_(test),
        base_dir_(request.base_dir),
        watch_(clock_, request.real),
        engine_({.num_workers = 1,
                 .factories = FunctionWatch::Factories(),
                 .clock = &clock_,
                 .open_store = [this](const engine::StoreSpec& spec) { return Open(spec); }}),
        names_{{}, *this} {}

  TestResult Run() {
    for (const auto& [name, param] : test_.parameters) {
      names_.values[name] = ValueOfParam(param.value, param.type.dtype);
    }
    for (const TestStub& stub : test_.stubs) {
      if (!AddStub(stub)) return std::move(result_);
    }
    for (const compiler::TestStep& step : test_.steps) {
      const bool goes_on = std::visit([&](const auto& one) { return Do(one); }, step);
      if (!goes_on) break;
    }
    return std::move(result_);
  }

  // --- what the test may ask ---

  int64_t Calls(const std::string& function) const override { return watch_.Calls(function); }
  Value Args(const std::string& function) const override { return watch_.Args(function); }
  int64_t Latency(const std::string& table) const override {
    const auto found = latencies_.find(table);
    return found != latencies_.end() ? found->second.count() : 0;
  }
  Value ErrorOf(const std::string& table) const override {
    const auto found = errors_.find(table);
    return found != errors_.end() ? Value(found->second) : Value();
  }
  Result<std::string> File(const std::string& path) const override {
    return ReadFile(base_dir_ / path);
  }

 private:
  /// Always false: the test is over.
  bool Fail(dsl::SourceRange where, const Error& error) {
    result_.is_machine_lacking |= error.code == ErrorCode::kUnavailable;
    result_.failures.push_back({where, error.message, {}, {}, std::nullopt});
    return false;
  }

  std::optional<StubAnswer> AnswerOf(const Expr& expr) {
    StubAnswer answer;
    if (IsCallOf(expr, "fails")) {
      answer.failure = expr.args.front().value.head.text;
      return answer;
    }
    if (IsCallOf(expr, "slow")) {
      const Result<Value> delay = Evaluate(expr.args[0].value.head, names_);
      if (!delay.ok()) return Fail(expr.range, delay.error()), std::nullopt;
      std::optional<StubAnswer> slow = AnswerOf(expr.args[1].value.head);
      if (slow) slow->delay = std::chrono::nanoseconds(*NanosecondsOf(*delay));
      return slow;
    }
    Result<Value> row = Evaluate(expr, names_);
    if (!row.ok()) return Fail(expr.range, row.error()), std::nullopt;
    answer.row = *std::move(row);
    return answer;
  }

  /// The test's rows, else those that the flow names.
  Result<std::shared_ptr<const engine::Store>> Open(const engine::StoreSpec& spec) {
    const auto stub = stores_.find(spec.name);
    if (stub == stores_.end()) return engine::OpenStore(spec);
    if (stub->second->kind == Expr::Kind::kRecord) {
      const Result<Value> row = Evaluate(*stub->second, names_);
      if (!row.ok()) return row.error();
      return MakeSameRowStore(spec, *row);
    }
    const Result<Batch> rows =
        RowsOf(*stub->second, std::make_shared<const engine::Schema>(spec.schema));
    if (!rows.ok()) return rows.error();
    return engine::MakeRowStore(*rows, spec.name);
  }

  bool AddStub(const TestStub& written) {
    if (written.is_store) {
      stores_[written.function] = &written.answer;
      return true;
    }
    Stub stub;
    stub.is_list = written.answer.kind == Expr::Kind::kList;
    if (stub.is_list) {
      for (const Expr& one : written.answer.children) {
        std::optional<StubAnswer> answer = AnswerOf(one);
        if (!answer) return false;
        stub.answers.push_back(*std::move(answer));
      }
    } else {
      std::optional<StubAnswer> answer = AnswerOf(written.answer);
      if (!answer) return false;
      stub.answers.push_back(*std::move(answer));
    }
    watch_.Add(written.function, std::move(stub));
    return true;
  }

  using Defaults = std::vector<std::pair<std::string, Value>>;

  /// The rows with what they lack.
  static Value WithDefaults(const Value& rows, const engine::Schema& schema,
                            const Defaults& defaults) {
    Value::List filled = *rows.AsList();
    for (Value& row : filled) {
      for (const auto& [column, value] : defaults) {
        if (row.Find(column) != nullptr) continue;
        row.AsRecord()->emplace_back(column, ValueOfParam(value, schema.Find(column)->type.dtype));
      }
    }
    return Value(std::move(filled));
  }

  Result<Batch> RowsOf(const Expr& written, const engine::SchemaPtr& schema,
                       const Defaults& defaults = {}) {
    if (IsCallOf(written, "rows")) {
      const std::filesystem::path path = base_dir_ / written.args.front().value.head.text;
      Result<std::string> text = ReadFile(path);
      if (!text.ok()) return std::move(text).error();
      return RowsFromJson(*text, path.string(), path.parent_path(), schema, "the flow", defaults);
    }
    const Result<Value> rows = Evaluate(written, names_);
    if (!rows.ok()) return rows.error();
    return TableOf(WithDefaults(*rows, *schema, defaults), schema);
  }

  bool Do(const TestGiven& given) {
    Result<Batch> rows =
        RowsOf(given.rows, std::make_shared<const engine::Schema>(given.schema), given.defaults);
    if (!rows.ok()) return Fail(given.rows.range, rows.error());
    names_.values[given.table] = RecordsOf(*rows);
    tables_[given.table] = *std::move(rows);
    return true;
  }

  bool Do(const TestRun& run) {
    std::vector<Batch> inputs;
    for (const std::string& input : run.inputs) {
      const auto found = tables_.find(input);
      if (found == tables_.end()) {
        return Fail(run.range, {ErrorCode::kInvalidArgument, "there is no `" + input + "`"});
      }
      inputs.push_back(found->second);
    }
    const Result<engine::FlowHandle> flow = engine_.Deploy(watch_.Watch(*run.plan), base_dir_);
    if (!flow.ok()) return Fail(run.range, {flow.error().code, flow.error().Text()});
    Result<std::vector<Batch>> out = engine_.RunTables(**flow, std::move(inputs));
    const std::chrono::nanoseconds latency = watch_.TakeLatency(*run.plan);
    for (const std::string& table : run.tables) latencies_[table] = latency;
    if (watch_.complaint()) {
      return Fail(run.range, {ErrorCode::kInvalidArgument, *watch_.complaint()});
    }
    for (size_t i = 0; i < run.tables.size(); ++i) {
      const std::string& table = run.tables[i];
      if (out.ok()) {
        names_.values[table] = Without(RecordsOf((*out)[i]), watch_.UnknownColumns(i));
        tables_[table] = std::move((*out)[i]);
      } else {
        errors_[table] = out.error().Text();
      }
    }
    if (out.ok()) return true;
    if (run.may_fail) return true;
    return Fail(run.range,
                {ErrorCode::kFailed, "`" + run.flow + "` failed: " + out.error().Text()});
  }

  bool Do(const TestExpect& expect) {
    const Expr& culprit = Culprit(expect.condition, names_);
    const Result<Value> holds = Evaluate(culprit, names_);
    if (holds.ok() && *holds->AsBool()) return true;
    TestFailure failure;
    failure.where = expect.condition.range;
    failure.message = holds.ok() ? "this does not hold" : holds.error().message;
    if (&culprit != &expect.condition) failure.where = culprit.range;
    failure.parts = PartsOf(culprit, names_);
    if (culprit.kind == Expr::Kind::kBinary && culprit.text == "==" && holds.ok()) {
      const Result<Value> found = Evaluate(culprit.children[0], names_);
      const Result<Value> expected = Evaluate(culprit.children[1], names_);
      failure.differences = DifferencesOf(*found, *expected);
      if (!failure.differences.empty()) failure.parts.clear();
      const std::optional<std::string> rows = expect.rows ? ShowRows(*found) : std::nullopt;
      if (rows) failure.rows.emplace(*expect.rows, *rows);
    }
    result_.failures.push_back(std::move(failure));
    return true;  // the others may tell more
  }

  const compiler::TestCase& test_;
  const std::filesystem::path& base_dir_;
  VirtualClock clock_;
  FunctionWatch watch_;
  engine::Engine engine_;
  std::map<std::string, const Expr*> stores_;  // the rows that the test gives them
  std::map<std::string, Batch> tables_;
  std::map<std::string, std::chrono::nanoseconds> latencies_;
  std::map<std::string, std::string> errors_;
  TestNames names_;
  TestResult result_;
};

TestResult RunOne(const compiler::TestCase& test, const TestRequest& request) {
  const auto start = std::chrono::steady_clock::now();
  TestResult result;
  try {
    result = TestRunner(test, request).Run();
  } catch (const std::exception& exception) {
    result.failures.push_back(
        {test.range, std::string("internal error: ") + exception.what(), {}, {}, std::nullopt});
  }
  result.duration = std::chrono::steady_clock::now() - start;
  return result;
}

}  // namespace

extern "C" void raceway_test(const TestRequest& request, std::vector<TestResult>& results) {
  for (const compiler::TestCase& test : request.tests) results.push_back(RunOne(test, request));
}

}  // namespace raceway::tools
