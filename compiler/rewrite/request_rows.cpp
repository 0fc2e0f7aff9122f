#include "compiler/rewrite/request_rows.h"

#include <algorithm>

namespace raceway::compiler {
namespace {

/// Whether the rows that leave are some of those that came, in the same order.
bool KeepsOrder(StepKind kind) {
  switch (kind) {
    case StepKind::kMap:
    case StepKind::kDerive:
    case StepKind::kSelect:
    case StepKind::kOmit:
    case StepKind::kFilter:
    case StepKind::kSplit:
    case StepKind::kLimit:
    case StepKind::kFail:
    case StepKind::kDrop: return true;
    default: return false;
  }
}

}  // namespace

RequestRows::RequestRows(const LogicalPlan& plan) {
  rows_.reserve(plan.stages.size());
  for (const Stage& stage : plan.stages) {
    rows_.push_back(OfStage(stage));
    parts_.push_back(stage.steps.back().kind == StepKind::kSplit);
  }
}

bool RequestRows::AreApart(const Rows& a, const Rows& b) {
  return std::any_of(a.halves.begin(), a.halves.end(), [&](const auto& half) {
    const auto other = b.halves.find(half.first);
    return other != b.halves.end() && other->second != half.second;
  });
}

RequestRows::Rows RequestRows::OfPort(Port port) const {
  if (port.stage < 0) return {};
  Rows rows = rows_[static_cast<size_t>(port.stage)];
  if (parts_[static_cast<size_t>(port.stage)]) rows.halves[port.stage] = port.output;
  return rows;
}

RequestRows::Rows RequestRows::OfUnion(const Stage& stage) const {
  std::vector<Rows> inputs;
  for (const Port port : stage.inputs) inputs.push_back(OfPort(port));
  Rows rows = inputs.front();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Rows& input = inputs[i];
    rows.in_order_once &= input.in_order_once;
    for (size_t j = 0; j < i; ++j) rows.in_order_once &= AreApart(input, inputs[j]);
    std::erase_if(rows.halves, [&](const auto& half) {
      const auto same = input.halves.find(half.first);
      return same == input.halves.end() || same->second != half.second;
    });
  }
  return rows;
}

RequestRows::Rows RequestRows::OfStage(const Stage& stage) const {
  const bool is_union = stage.steps.front().kind == StepKind::kUnion;
  Rows rows = is_union ? OfUnion(stage) : OfPort(stage.inputs.front());
  for (const Step& step : stage.steps) {
    if (step.kind == StepKind::kUnion) continue;
    rows.in_order_once &= KeepsOrder(step.kind);
  }
  return rows;
}

}  // namespace raceway::compiler
