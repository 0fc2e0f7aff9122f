#include "operators/plugins/function.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "operators/models/loaded_model.h"
#include "operators/utf8.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Field;
using engine::Result;
using engine::SettingContract;
using engine::Status;
using engine::Value;

Error Failed(std::string message, int64_t row = -1) {
  return {.code = ErrorCode::kFailed, .message = std::move(message), .row_id = row};
}

/// In a `catch (...)`: what the plugin threw, in words.
std::string ThrownText() noexcept {
  try {
    throw;
  } catch (const c10::Error& error) {
    return OneLine(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "it threw something that is no std::exception";
  }
}

bool ShouldStop(const void* host) {
  return static_cast<const engine::RunContext*>(host)->cancel.Check().has_value();
}

// --- what a plugin gives ---

/// Results of a plugin become a column of the declared type, or an error of their row.
class ResultReader {
 public:
  explicit ResultReader(Field field) : field_(std::move(field)) {}

  Result<Column> Texts(const std::vector<std::string>& texts) const {
    if (!engine::IsText(field_.type.dtype)) return Wrong("is text, declared " + TypeText(), 0);
    for (size_t row = 0; row < texts.size(); ++row) {
      const bool is_fine = field_.type.dtype != engine::DataType::kString ||
                           Utf8PrefixLength(texts[row]) == texts[row].size();
      if (!is_fine) return Wrong("is not UTF-8", static_cast<int64_t>(row));
    }
    return Column(engine::TextColumn::Of(texts));
  }

  Result<Column> Ragged(std::vector<at::Tensor> rows) const {
    if (engine::IsText(field_.type.dtype)) return Wrong("is no text, declared " + TypeText(), 0);
    Column ragged(std::move(rows));
    if (Status checked = ragged.CheckType(field_.type); !checked) return Wrong(checked.error());
    const bool is_stacked = field_.type.is_fixed() || ragged.num_rows() == 1;
    return is_stacked ? Column::FromRows(ragged.ragged(), field_.type) : ragged;
  }

  Result<Column> Dense(at::Tensor tensor) const {
    if (engine::IsText(field_.type.dtype)) return Wrong("is no text, declared " + TypeText());
    Column column(std::move(tensor));
    if (Status checked = column.CheckType(field_.type); !checked) return Wrong(checked.error());
    return column;
  }

 private:
  std::string TypeText() const { return ToString(field_.type); }

  Error Wrong(const std::string& message, int64_t row = -1) const {
    return Failed("result `" + field_.name + "` " + message, row);
  }
  Error Wrong(const Error& error) const { return Wrong(error.message, error.row_id); }

  Field field_;
};

// --- calling it ---

/// What both kinds have in common: names in front of errors, requests that stop.
class Called : public NativeFunction {
 public:
  Called(std::string name, std::vector<Field> results) : name_(std::move(name)) {
    for (Field& field : results) readers_.emplace_back(std::move(field));
  }

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const final {
    Result<std::vector<Column>> results = Call(args, num_rows, context);
    // Who was asked to stop may answer with anything.
    if (const auto stop = context.cancel.Check()) return StopError(*stop);
    if (!results) results.error().message.insert(0, name_ + ": ");
    return results;
  }

 protected:
  virtual Result<std::vector<Column>> Call(std::span<const Column> args, int64_t num_rows,
                                           engine::RunContext& context) const = 0;

  const std::vector<ResultReader>& readers() const { return readers_; }

  Error WrongNumber(size_t found, int64_t row = -1) const {
    return Failed("it gives " + std::to_string(found) + (found == 1 ? " result" : " results") +
                      ", declared " + std::to_string(readers_.size()),
                  row);
  }

 private:
  std::string name_;
  std::vector<ResultReader> readers_;
};

class RowByRow final : public Called {
 public:
  RowByRow(std::string name, std::vector<Field> results, plugin::RowFunction function)
      : Called(std::move(name), std::move(results)), function_(std::move(function)) {}

 private:
  Result<std::vector<Column>> Call(std::span<const Column> args, int64_t num_rows,
                                   engine::RunContext& context) const override {
    const plugin::Context asking(1, &ShouldStop, &context);
    std::vector<std::vector<at::Tensor>> tensors(readers().size());
    std::vector<std::vector<std::string>> texts(readers().size());
    for (int64_t row = 0; row < num_rows; ++row) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop);
      Result<plugin::NewRow> given = CallOn(args, row, asking);
      if (!given) return std::move(given).error();
      if (given->size() != readers().size()) return WrongNumber(given->size(), row);
      for (size_t i = 0; i < given->size(); ++i) {
        plugin::NewCell::Data& data = (*given)[i].data();
        if (auto* text = std::get_if<std::string>(&data)) {
          texts[i].push_back(std::move(*text));
        } else {
          tensors[i].push_back(std::move(std::get<at::Tensor>(data)));
        }
        if (!texts[i].empty() && !tensors[i].empty()) {
          return Failed("it gives texts and tensors for one result", row);
        }
      }
    }
    std::vector<Column> columns;
    for (size_t i = 0; i < readers().size(); ++i) {
      Result<Column> column = texts[i].empty() ? readers()[i].Ragged(std::move(tensors[i]))
                                               : readers()[i].Texts(texts[i]);
      if (!column) return std::move(column).error();
      columns.push_back(*std::move(column));
    }
    return columns;
  }

  Result<plugin::NewRow> CallOn(std::span<const Column> args, int64_t row,
                                const plugin::Context& context) const {
    std::vector<plugin::Cell> cells;
    cells.reserve(args.size());
    for (const Column& arg : args) {
      cells.push_back(arg.is_text() ? plugin::Cell(arg.text()[row]) : plugin::Cell(arg.Row(row)));
    }
    try {
      return function_(cells, context);
    } catch (...) {
      return Failed(ThrownText(), row);
    }
  }

  plugin::RowFunction function_;
};

class WholeBatch final : public Called {
 public:
  WholeBatch(std::string name, std::vector<Field> results, plugin::BatchFunction function)
      : Called(std::move(name), std::move(results)), function_(std::move(function)) {}

 private:
  Result<std::vector<Column>> Call(std::span<const Column> args, int64_t num_rows,
                                   engine::RunContext& context) const override {
    Result<std::vector<plugin::NewColumn>> given = CallOn(args, num_rows, context);
    if (!given) return std::move(given).error();
    if (given->size() != readers().size()) return WrongNumber(given->size());
    std::vector<Column> columns;
    for (size_t i = 0; i < given->size(); ++i) {
      Result<Column> column = Read((*given)[i], readers()[i]);
      if (!column) return std::move(column).error();
      if (column->num_rows() != num_rows) {
        return Failed("it gives " + std::to_string(column->num_rows()) + " rows for " +
                      std::to_string(num_rows));
      }
      columns.push_back(*std::move(column));
    }
    return columns;
  }

  static Result<Column> Read(plugin::NewColumn& given, const ResultReader& reader) {
    if (auto* dense = std::get_if<at::Tensor>(&given)) return reader.Dense(std::move(*dense));
    if (auto* ragged = std::get_if<std::vector<at::Tensor>>(&given)) {
      return reader.Ragged(std::move(*ragged));
    }
    return reader.Texts(std::get<std::vector<std::string>>(given));
  }

  static plugin::Column Shown(const Column& column) {
    if (column.is_dense()) return plugin::Column(column.dense());
    if (column.is_ragged()) return plugin::Column(std::span<const at::Tensor>(column.ragged()));
    std::vector<std::string_view> texts;
    texts.reserve(static_cast<size_t>(column.num_rows()));
    for (int64_t row = 0; row < column.num_rows(); ++row) texts.push_back(column.text()[row]);
    return plugin::Column(std::move(texts));
  }

  Result<std::vector<plugin::NewColumn>> CallOn(std::span<const Column> args, int64_t num_rows,
                                                const engine::RunContext& context) const {
    std::vector<plugin::Column> columns;
    for (const Column& arg : args) columns.push_back(Shown(arg));
    const plugin::Context asking(num_rows, &ShouldStop, &context);
    try {
      return function_(columns, asking);
    } catch (const plugin::RowError& error) {
      const bool is_row = error.row() >= 0 && error.row() < num_rows;
      return Failed(error.what(), is_row ? error.row() : -1);
    } catch (...) {
      return Failed(ThrownText());
    }
  }

  plugin::BatchFunction function_;
};

// --- making it ---

plugin::Settings::Value SettingOf(const Value& value, SettingContract::Kind kind,
                                  const std::filesystem::path& base_dir) {
  switch (kind) {
    case SettingContract::Kind::kInt: return *value.AsInt();
    case SettingContract::Kind::kNumber: return *value.AsNumber();
    case SettingContract::Kind::kBool: return *value.AsBool();
    case SettingContract::Kind::kString: return *value.AsString();
    case SettingContract::Kind::kFile: return (base_dir / *value.AsString()).string();
    case SettingContract::Kind::kNumbers: break;
  }
  std::vector<double> numbers;
  if (const std::optional<double> number = value.AsNumber()) return std::vector{*number};
  for (const Value& item : *value.AsList()) numbers.push_back(*item.AsNumber());
  return numbers;
}

plugin::Settings SettingsOf(const engine::FunctionContract& contract, const FunctionSpec& spec) {
  std::vector<std::pair<std::string, plugin::Settings::Value>> values;
  for (const SettingContract& setting : contract.settings) {
    const Value* value = spec.settings.Find(setting.name);
    if (value == nullptr) continue;
    values.emplace_back(setting.name, SettingOf(*value, setting.kind, spec.base_dir));
  }
  std::vector<std::vector<int64_t>> shapes;
  for (const engine::Type& type : spec.results) {
    shapes.emplace_back();
    for (const engine::Dim& dim : type.shape) shapes.back().push_back(dim.size);
  }
  return {std::move(values), std::move(shapes)};
}

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakePluginFunction(const PluginFunction& function,
                                                           const FunctionSpec& spec) {
  const engine::FunctionContract& contract = function.contract;
  std::vector<Field> results;
  for (size_t i = 0; i < contract.results.size(); ++i) {
    results.push_back({contract.results[i].name, spec.results[i]});
  }
  const plugin::Settings settings = SettingsOf(contract, spec);
  const Error nothing{ErrorCode::kInvalidArgument, "it made no function of its settings"};
  try {
    if (function.function->rows()) {
      plugin::RowFunction rows = function.function->rows()(settings);
      if (!rows) return nothing;
      return std::unique_ptr<NativeFunction>(
          std::make_unique<RowByRow>(contract.name, std::move(results), std::move(rows)));
    }
    plugin::BatchFunction batches = function.function->batches()(settings);
    if (!batches) return nothing;
    return std::unique_ptr<NativeFunction>(
        std::make_unique<WholeBatch>(contract.name, std::move(results), std::move(batches)));
  } catch (...) {
    return Error{ErrorCode::kInvalidArgument, ThrownText()};
  }
}

}  // namespace raceway::operators
