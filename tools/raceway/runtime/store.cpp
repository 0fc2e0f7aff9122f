// The engine's side of `raceway store`.
#include "engine/store.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/rows/read_rows.h"
#include "engine/store/row_codec.h"
#include "engine/store/row_database.h"
#include "engine/store/store_writer.h"
#include "tools/raceway/fail.h"
#include "tools/raceway/runtime/cancel_on_interrupt.h"
#include "tools/raceway/runtime/line_blocks.h"
#include "tools/raceway/runtime/print_rows.h"
#include "tools/raceway/runtime/progress.h"
#include "tools/raceway/store_request.h"

namespace raceway::tools {
namespace {

using engine::Batch;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::RowDatabase;
using engine::Status;

int ExitCodeOf(const Error& error) {
  if (error.code == ErrorCode::kUnavailable) return kMachineLacks;
  return error.code == ErrorCode::kUnsupported ? kUsage : kRequestFailed;
}

int Said(const Error& error) { return Fail(ExitCodeOf(error), error.Text()); }

/// The numbers of those lines that have a row.
std::vector<int64_t> LinesWithRows(std::string_view text, int64_t first_line) {
  std::vector<int64_t> lines;
  int64_t line = first_line;
  for (size_t begin = 0; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (text.substr(begin, end - begin).find_first_not_of(" \t\r") != std::string_view::npos) {
      lines.push_back(line);
    }
    begin = end + 1;
  }
  return lines;
}

/// Megabytes with one decimal.
std::string Megabytes(int64_t num_bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(num_bytes) / 1e6);
  return text;
}

/// How far loading is: read by another thread.
struct Loaded {
  std::atomic<int64_t> rows = 0;
  std::atomic<int64_t> bytes = 0;
  std::atomic<bool> is_sorting = false;

  std::string Text() const {
    if (is_sorting) return "sorting " + std::to_string(rows) + " rows";
    return "loading: " + std::to_string(rows) + " rows, " + Megabytes(bytes);
  }
};

Status LoadRows(const StoreRequest& request, LineBlocks& blocks, engine::StoreWriter& writer,
                const engine::CancelToken& cancel, Loaded& loaded) {
  const std::string name = request.rows == "-" ? "standard input" : request.rows;
  const auto folder = std::filesystem::path(request.rows == "-" ? "" : request.rows).parent_path();
  const auto schema = std::make_shared<const engine::Schema>(request.schema);
  int64_t line = 1;
  while (true) {
    Result<std::string> text = blocks.Next(cancel);
    if (cancel.is_cancelled()) return Error{ErrorCode::kCancelled, ""};
    if (!text.ok()) return std::move(text).error();
    if (text->empty()) break;
    Result<Batch> rows = engine::RowsFromJson(*text, name, folder, schema, "the store", {}, line);
    if (!rows.ok()) return std::move(rows).error();
    const Status added = writer.Add(*rows, LinesWithRows(*text, line));
    if (!added.ok()) {
      const bool is_of_row = added.error().code == ErrorCode::kInvalidArgument;
      return Error{added.error().code, (is_of_row ? name + ": " : "") + added.error().message};
    }
    line += std::count(text->begin(), text->end(), '\n');
    loaded.rows += rows->num_rows();
    loaded.bytes = blocks.num_bytes();
  }
  std::error_code ignored;
  if (loaded.rows == 0 && std::filesystem::exists(request.folder, ignored)) {
    return Error{ErrorCode::kInvalidArgument,
                 name + ": no rows; `" + request.folder +
                     "` is as it was. Remove the folder first if it is to be empty"};
  }
  loaded.is_sorting = true;
  return writer.Finish(cancel);
}

int Load(const StoreRequest& request) {
  LineBlocks blocks(request.rows);
  if (!blocks.reason().empty()) {
    return Fail(kUsage, "cannot read `" + request.rows + "`: " + blocks.reason());
  }
  const CancelOnInterrupt interrupt;
  Result<std::unique_ptr<engine::StoreWriter>> writer =
      engine::StoreWriter::Begin(request.folder, request.schema);
  if (!writer.ok()) {
    const bool is_usage = writer.error().code == ErrorCode::kInvalidArgument;
    return Fail(is_usage ? kUsage : kMachineLacks, writer.error().Text());
  }
  Loaded loaded;
  const Status status = [&] {
    const Progress progress([&] { return loaded.Text(); });
    return LoadRows(request, blocks, **writer, *interrupt.token(), loaded);
  }();
  if (!status.ok() && status.error().code == ErrorCode::kCancelled) {
    return Fail(kRequestFailed, "cancelled: `" + request.folder + "` is as it was");
  }
  if (!status.ok()) return Said(status.error());
  if (request.json) {
    const nlohmann::ordered_json json = {{"folder", request.folder}, {"rows", loaded.rows.load()}};
    std::puts(json.dump().c_str());
  } else {
    std::printf("%lld rows in %s\n", static_cast<long long>(loaded.rows.load()),
                request.folder.c_str());
  }
  return kFine;
}

/// The key as a column of one row; as a row would have it, where the type is no text.
Result<engine::Column> ReadKey(const std::string& key, const engine::Field& field) {
  const bool is_quoted = engine::IsText(field.type.dtype) ||
                         field.type.dtype == engine::DataType::kTimestamp ||
                         field.type.dtype == engine::DataType::kDuration;
  if (engine::IsText(field.type.dtype)) {
    const std::string rows[] = {key};
    return engine::Column(engine::TextColumn::Of(rows));
  }
  const std::string value = is_quoted ? nlohmann::json(key).dump() : key;
  const std::string row = "{" + nlohmann::json(field.name).dump() + ":" + value + "}";
  const auto schema = std::make_shared<const engine::Schema>(std::vector<engine::Field>{field});
  const Result<Batch> read = engine::RowsFromJson(row, "KEY", "", schema, "the store");
  if (!read.ok() || read->num_rows() != 1) {
    return Error{ErrorCode::kInvalidArgument, "keys of this store are `" + field.name + ": " +
                                                  ToString(field.type) + "`, `" + key +
                                                  "` is none"};
  }
  return read->column(0);
}

int Get(const StoreRequest& request, RowDatabase& database) {
  const engine::Schema& schema = database.schema();
  const Result<engine::Column> key = ReadKey(request.key, schema[0]);
  if (!key.ok()) return Fail(kUsage, key.error().message);
  const Result<RowDatabase::Rows> rows = database.Find(EncodeKeys(*key), engine::CancelToken());
  if (!rows.ok()) return Fail(kRequestFailed, rows.error().message);
  if (!rows->front()) {
    return Fail(kRequestFailed, "`" + request.folder + "` has no row for the key " + request.key);
  }
  std::vector<engine::Column> columns = {*key};
  for (size_t i = 1; i < schema.size(); ++i) {
    columns.push_back(ColumnOfCells(*rows, i - 1, schema[i].type));
  }
  const Batch row(std::make_shared<const engine::Schema>(schema), std::move(columns), 1);
  std::fputs((request.json ? RowsAsJson(row, "") : RowsAsTable({row}, false)).c_str(), stdout);
  return kFine;
}

int64_t BytesOf(const std::filesystem::path& folder) {
  int64_t num_bytes = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    num_bytes += static_cast<int64_t>(entry.file_size(failed));
  }
  return num_bytes;
}

int Stats(const StoreRequest& request, const RowDatabase& database) {
  const int64_t num_bytes = BytesOf(request.folder);
  if (!request.json) {
    std::printf("rows    %lld\nschema  %s\nbytes   %lld (%s)\n",
                static_cast<long long>(database.num_rows()), ToString(database.schema()).c_str(),
                static_cast<long long>(num_bytes), Megabytes(num_bytes).c_str());
    return kFine;
  }
  nlohmann::ordered_json json = {{"folder", request.folder},
                                 {"rows", database.num_rows()},
                                 {"schema", nlohmann::ordered_json::array()},
                                 {"bytes", num_bytes}};
  for (const engine::Field& field : database.schema().fields()) {
    json["schema"].push_back({{"name", field.name}, {"type", ToString(field.type)}});
  }
  std::puts(json.dump().c_str());
  return kFine;
}

int Run(const StoreRequest& request) {
  if (request.kind == StoreRequest::Kind::kLoad) return Load(request);
  Result<std::shared_ptr<RowDatabase>> database =
      RowDatabase::Open(request.folder, "`" + request.folder + "`", engine::kDefaultCacheBytes);
  if (!database.ok()) return Said(database.error());
  return request.kind == StoreRequest::Kind::kGet ? Get(request, **database)
                                                  : Stats(request, **database);
}

}  // namespace

extern "C" int raceway_store(const StoreRequest& request) {
  try {
    return Run(request);
  } catch (const std::exception& exception) {
    return Fail(kRequestFailed, std::string("internal error: ") + exception.what());
  }
}

}  // namespace raceway::tools
