#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <mutex>
#include <string>

#include "engine/result.h"

namespace raceway::engine::load {

/// How much memory may still be taken, and where.
struct MemoryRoom {
  uint64_t num_bytes = std::numeric_limits<uint64_t>::max();
  std::string where = "on this machine";
};

/// The least of what the machine has (`MemAvailable`) and of what the control groups leave to this
/// process, those around its own included, v2 or v1. Cached files count as free. What cannot be
/// read limits nothing.
MemoryRoom ReadMemoryRoom(const std::filesystem::path& proc = "/proc",
                          const std::filesystem::path& groups = "/sys/fs/cgroup");

/// Lets those models in whose weights fit into memory, before any of it is taken.
///
/// Threads  all functions, from any
class Admission {
 public:
  using Gauge = std::function<MemoryRoom()>;

  explicit Admission(Gauge gauge = [] { return ReadMemoryRoom(); }) : gauge_(std::move(gauge)) {}
  Admission(const Admission&) = delete;

  /// Asks another one from now on: a test, or who knows better what this process may take.
  void SetGauge(Gauge gauge);

 private:
  friend class MemoryClaim;

  std::mutex mutex_;
  Gauge gauge_;
  uint64_t promised_ = 0;  // taken by claims, and not arrived
};

/// That of all models which flows of this process name.
Admission& ProcessAdmission();

/// What one load may take. As long as its weights have not arrived, the system does not see them,
/// and other loads must leave room for them.
///
/// Threads  all functions, from any
class MemoryClaim {
 public:
  /// `max_bytes`: what it may hold, however much there is. `admission` must outlive the claim.
  explicit MemoryClaim(Admission& admission,
                       uint64_t max_bytes = std::numeric_limits<uint64_t>::max())
      : admission_(admission), max_bytes_(max_bytes) {}
  ~MemoryClaim() { GiveUp(); }
  MemoryClaim(const MemoryClaim&) = delete;

  /// Errors   Unavailable, "needs …" and what there is; who needs it the caller knows
  Status Take(uint64_t num_bytes);
  /// These are in memory now, where the system counts them.
  void Arrived(uint64_t num_bytes);
  /// What has not arrived never will.
  void GiveUp() { Arrived(std::numeric_limits<uint64_t>::max()); }

 private:
  Admission& admission_;
  const uint64_t max_bytes_;
  uint64_t awaited_ = 0;  // behind the lock of `admission_`
};

}  // namespace raceway::engine::load
