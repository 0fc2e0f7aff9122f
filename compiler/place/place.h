#pragma once

#include "compiler/plan/logical_plan.h"

namespace raceway::compiler {

/// Says for each stage on which device it runs and whether it is worth a task of its own.
///
/// For now every stage runs on the CPU, and a stage that calls a model is worth a task: where rows
/// part, the branches that call models run side by side, while cheap ones stay in the thread that
/// has their rows in its cache.
LogicalPlan Place(LogicalPlan plan);

}  // namespace raceway::compiler
