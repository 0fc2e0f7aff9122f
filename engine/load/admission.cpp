#include "engine/load/admission.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

namespace raceway::engine::load {
namespace {

namespace fs = std::filesystem;

// --- how much there is ---

/// The number behind `key` in lines of "key value" or "key: value kB".
std::optional<uint64_t> NumberOf(const fs::path& file, const std::string& key) {
  std::ifstream lines(file);
  std::string word;
  uint64_t value = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if (words >> word >> value && word == key) return value;
  }
  return std::nullopt;
}

/// The one number in a file; none in one that says "max".
std::optional<uint64_t> NumberIn(const fs::path& file) {
  uint64_t value = 0;
  if (std::ifstream(file) >> value) return value;
  return std::nullopt;
}

/// What the files of a control group are called.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* active_file;  // in memory.stat
  const char* inactive_file;
};
constexpr GroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                  "total_active_file", "total_inactive_file"};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", "active_file", "inactive_file"};

std::optional<uint64_t> RoomIn(const fs::path& group, const GroupFiles& files) {
  const std::optional<uint64_t> limit = NumberIn(group / files.limit);
  if (!limit) return std::nullopt;
  const uint64_t cached = NumberOf(group / "memory.stat", files.active_file).value_or(0) +
                          NumberOf(group / "memory.stat", files.inactive_file).value_or(0);
  const uint64_t usage = NumberIn(group / files.usage).value_or(0);
  const uint64_t kept = usage - std::min(usage, cached);
  return *limit - std::min(*limit, kept);
}

/// Of the group `path` below `root`, and of those around it.
void Limit(const fs::path& root, const fs::path& path, const GroupFiles& files, MemoryRoom& room) {
  fs::path group = path.relative_path();
  // In a container the group may be called as outside, where what is mounted is the group itself.
  if (!fs::exists(root / group)) group.clear();
  while (true) {
    const std::optional<uint64_t> left = RoomIn(root / group, files);
    if (left && *left < room.num_bytes) room = {*left, "in the control group /" + group.string()};
    if (group.empty()) return;
    group = group.parent_path();
  }
}

bool IsOfMemory(const std::string& controllers) {
  return ("," + controllers + ",").find(",memory,") != std::string::npos;
}

// --- what is said ---

/// "4.2 GB"
std::string Text(uint64_t num_bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto amount = static_cast<double>(num_bytes);
  size_t unit = 0;
  while (amount >= 999.95 && unit + 1 < std::size(kUnits)) {
    amount /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", amount, kUnits[unit]);
  return text;
}

Error NoRoom(uint64_t needed, const std::string& what_there_is) {
  return {ErrorCode::kUnavailable,
          "needs " + Text(needed) + " of memory for its weights, " + what_there_is};
}

}  // namespace

MemoryRoom ReadMemoryRoom(const fs::path& proc, const fs::path& groups) {
  MemoryRoom room;
  if (const auto available = NumberOf(proc / "meminfo", "MemAvailable:")) {
    room.num_bytes = *available * 1024;
  }
  // "0::/user.slice" of version 2, "9:memory:/docker/…" of version 1
  std::ifstream lines(proc / "self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path path = line.substr(second + 1);
    if (controllers.empty()) Limit(groups, path, kVersion2, room);
    if (IsOfMemory(controllers)) Limit(groups / "memory", path, kVersion1, room);
  }
  return room;
}

void Admission::SetGauge(Gauge gauge) {
  const std::lock_guard lock(mutex_);
  gauge_ = std::move(gauge);
}

Admission& ProcessAdmission() {
  static auto* const admission = new Admission();  // loads may outlive what is static
  return *admission;
}

Status MemoryClaim::Take(uint64_t num_bytes) {
  if (num_bytes > max_bytes_) {
    return NoRoom(num_bytes, "`load { memory }` allows " + Text(max_bytes_));
  }
  // First the promise, then the look at what there is: who asks at the same time sees the promise.
  std::unique_lock lock(admission_.mutex_);
  const Admission::Gauge gauge = admission_.gauge_;
  const uint64_t promised = admission_.promised_;
  admission_.promised_ += num_bytes;
  lock.unlock();
  const MemoryRoom room = gauge();
  lock.lock();
  if (num_bytes <= room.num_bytes && promised <= room.num_bytes - num_bytes) {
    awaited_ += num_bytes;
    return Done{};
  }
  admission_.promised_ -= num_bytes;
  std::string there_is = Text(room.num_bytes) + " are available " + room.where;
  if (promised > 0) there_is += ", of which other models will take " + Text(promised);
  return NoRoom(num_bytes, there_is);
}

void MemoryClaim::Arrived(uint64_t num_bytes) {
  const std::lock_guard lock(admission_.mutex_);
  num_bytes = std::min(num_bytes, awaited_);
  awaited_ -= num_bytes;
  admission_.promised_ -= num_bytes;
}
}  // namespace raceway::engine::load
