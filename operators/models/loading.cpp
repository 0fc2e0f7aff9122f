#include "operators/models/loading.h"

#include <numeric>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/load/archive.h"
#include "engine/load/load_listener.h"

namespace raceway::operators {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Value;
using engine::load::MemoryClaim;
using engine::load::Urgency;
using Priority = LoadHints::Priority;

bool ReadPriority(const Value& value, Priority& priority) {
  constexpr std::pair<std::string_view, Priority> kWords[] = {
      {"low", Priority::kLow}, {"normal", Priority::kNormal}, {"high", Priority::kHigh}};
  for (const auto& [word, meant] : kWords) {
    if (value.AsString() == nullptr || *value.AsString() != word) continue;
    priority = meant;
    return true;
  }
  return false;
}

bool ReadFlag(const Value& value, bool& flag) {
  if (value.AsBool() == nullptr) return false;
  flag = *value.AsBool();
  return true;
}

bool ReadSize(const Value& value, uint64_t& num_bytes) {
  const int64_t* written = value.AsInt();
  if (written == nullptr || *written < 0) return false;
  num_bytes = static_cast<uint64_t>(*written);
  return true;
}

/// Unpacked, as the directory says; the file's size where it is no archive.
uint64_t NumBytesIn(const std::filesystem::path& path) {
  const Result<engine::load::Archive> archive = engine::load::Archive::Open(path);
  if (!archive) {
    std::error_code ignored;
    const std::uintmax_t size = std::filesystem::file_size(path, ignored);
    return ignored ? 0 : size;
  }
  const auto& records = archive->records();
  return std::accumulate(
      records.begin(), records.end(), uint64_t{0},
      [](uint64_t sum, const engine::load::ZipRecord& record) { return sum + record.size; });
}

}  // namespace

Result<LoadHints> ReadLoadHints(std::span<const engine::HintSpec> hints) {
  LoadHints read;
  for (const engine::HintSpec& hint : hints) {
    bool is_right = true;
    if (hint.name == "load.priority") is_right = ReadPriority(hint.value, read.priority);
    if (hint.name == "load.stream") is_right = ReadFlag(hint.value, read.streams);
    if (hint.name == "load.memory") is_right = ReadSize(hint.value, read.max_bytes);
    if (is_right) continue;
    return Error{ErrorCode::kInvalidArgument,
                 "the hint `" + hint.name + "` cannot be " + ToString(hint.value)};
  }
  return read;
}

LoadClass ClassOf(Priority priority, engine::TimePoint now) {
  switch (priority) {
    case Priority::kLow: return {Urgency::kBulk, engine::TimePoint::max()};
    case Priority::kNormal: return {Urgency::kNear, engine::TimePoint::max()};
    case Priority::kHigh: return {Urgency::kNear, now};
  }
  return {Urgency::kNear, engine::TimePoint::max()};
}

engine::load::LoadOptions ReadOptionsOf(const LoadHints& hints, const std::filesystem::path& path,
                                        engine::TimePoint now) {
  const LoadClass wanted = ClassOf(hints.priority, now);
  engine::load::LoadOptions read;
  read.urgency = wanted.urgency;
  read.deadline = wanted.deadline;
  read.claim = std::make_shared<MemoryClaim>(engine::load::ProcessAdmission(), hints.max_bytes);
  read.on_event = engine::load::TellListeners(path.filename().string());
  return read;
}

Result<std::unique_ptr<MemoryClaim>> ClaimAll(const std::filesystem::path& path,
                                              const LoadHints& hints) {
  auto claim = std::make_unique<MemoryClaim>(engine::load::ProcessAdmission(), hints.max_bytes);
  if (engine::Status taken = claim->Take(NumBytesIn(path)); !taken) {
    return std::move(taken).error();
  }
  return claim;
}

}  // namespace raceway::operators
