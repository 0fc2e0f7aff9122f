#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace raceway::engine::load {

/// A storage, as far as it matters when one model is made into another.
struct TransformBlock {
  uint64_t size;         // in bytes
  int64_t content = -1;  // equal for equal bytes; -1: not known before they are read
};

struct TransformModel {
  std::string structure;  // equal for models that differ in their weights alone
  bool is_pure = false;   // runs leave nothing behind but what their storages show
  std::vector<TransformBlock> blocks;
};

/// What a machine does in a second, as far as it is known.
struct TransformCosts {
  double read = 1e9;         // bytes from the disk
  double touch = 4e9;        // bytes of memory that is new to the process
  double copy = 8e9;         // bytes of memory
  double check = 10e9;       // bytes of checksums
  double structure = 50e-3;  // seconds that code takes to become a module
};

/// How a resident model becomes another one. `from` is by block of the wanted model: the resident
/// block whose memory it takes over, -1 for none; `is_kept` is whether that has its bytes already.
struct TransformPlan {
  bool keeps_module = false;  // else the structure is made anew
  std::vector<int32_t> from;
  std::vector<bool> is_kept;
  double seconds = 0;  // forecast
};

/// The plan for a request that finds nothing.
TransformPlan PlanCold(const TransformModel& wanted, const TransformCosts& costs);

/// Blocks with the bytes that are wanted stay where they are. Of the others: in a model of the same
/// structure those at the same place are bound to new memory; else memory of the same size is used
/// again. O(n log n)
///
/// Source   Optimus (EuroSys'24): the replace and reuse operators, and a plan in linear time
TransformPlan PlanTransform(const TransformModel& resident, const TransformModel& wanted,
                            const TransformCosts& costs);

}  // namespace raceway::engine::load
