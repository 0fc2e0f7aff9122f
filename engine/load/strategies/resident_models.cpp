#include "engine/load/strategies/resident_models.h"

#include <sys/stat.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/load/digest.h"

namespace raceway::engine::load {
namespace {

/// Those after which a tensor has another shape; others write into storages, where it shows.
constexpr std::string_view kReshaping[] = {
    "as_strided_", "detach_",   "resize_", "resize_as_", "set_",       "squeeze_",
    "swapaxes_",   "swapdims_", "t_",      "transpose_", "unsqueeze_",
};

bool LeavesTraces(const torch::jit::Node& node) {
  return node.kind() == c10::prim::SetAttr || node.kind() == c10::prim::CallMethod ||
         node.kind() == c10::prim::fork ||
         std::find(std::begin(kReshaping), std::end(kReshaping), node.kind().toUnqualString()) !=
             std::end(kReshaping);
}

bool LeavesTraces(const torch::jit::Block& block) {
  return std::any_of(block.nodes().begin(), block.nodes().end(), [](const torch::jit::Node* node) {
    return LeavesTraces(*node) ||
           std::any_of(node->blocks().begin(), node->blocks().end(),
                       [](const torch::jit::Block* inner) { return LeavesTraces(*inner); });
  });
}

bool IsPlain(const c10::IValue& value) {
  return value.isTensor() || value.isScalar() || value.isString() || value.isNone() ||
         value.isDevice() ||
         (value.isTuple() && std::all_of(value.toTupleRef().elements().begin(),
                                         value.toTupleRef().elements().end(), &IsPlain));
}

bool IsPlain(const torch::jit::Module& module) {
  if (module.find_method("__setstate__")) return false;
  for (const torch::jit::NameValue& attribute : module.named_attributes(/*recurse=*/false)) {
    if (!attribute.value.isModule() && !IsPlain(attribute.value)) return false;
  }
  const auto methods = module.get_methods();
  return std::none_of(methods.begin(), methods.end(), [](const torch::jit::Method& method) {
    const std::shared_ptr<torch::jit::Graph> graph = method.graph()->copy();
    torch::jit::Inline(*graph);
    return LeavesTraces(*graph->block());
  });
}

}  // namespace

ResidentModels& ResidentModels::Instance() {
  static auto* const models = new ResidentModels();  // LibTorch may end before
  return *models;
}

std::pair<std::unique_ptr<ResidentModel>, TransformPlan> ResidentModels::Take(
    const TransformModel& wanted, const TransformCosts& costs) {
  TransformPlan best = PlanCold(wanted, costs);
  const std::lock_guard lock(mutex_);
  auto source = idle_.end();
  for (auto model = idle_.begin(); model != idle_.end(); ++model) {
    TransformPlan plan = PlanTransform((*model)->shape, wanted, costs);
    if (plan.seconds >= best.seconds) continue;
    best = std::move(plan);
    source = model;
  }
  if (source == idle_.end()) return {nullptr, std::move(best)};
  std::unique_ptr<ResidentModel> taken = std::move(*source);
  idle_.erase(source);
  return {std::move(taken), std::move(best)};
}

void ResidentModels::Put(std::unique_ptr<ResidentModel> model) {
  std::unique_ptr<ResidentModel> gone;  // without the lock
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(model));
  if (idle_.size() <= kMaxIdle) return;
  gone = std::move(idle_.front());
  idle_.erase(idle_.begin());
}

void ResidentModels::Clear() {
  std::vector<std::unique_ptr<ResidentModel>> gone;
  const std::lock_guard lock(mutex_);
  gone.swap(idle_);
}

size_t ResidentModels::CountIdle() {
  const std::lock_guard lock(mutex_);
  return idle_.size();
}

ContentNames& ContentNames::Instance() {
  static ContentNames names;
  return names;
}

int64_t ContentNames::Find(const ModelFile& file, const Extent& extent) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(KeyOf(file, extent));
  return found == known_.end() ? -1 : found->second;
}

int64_t ContentNames::Set(const ModelFile& file, const Extent& extent, int64_t content) {
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnown) known_.clear();
  if (content < 0) content = next_++;
  known_[KeyOf(file, extent)] = content;
  return content;
}

ContentNames::Key ContentNames::KeyOf(const ModelFile& file, const Extent& extent) {
  struct stat status = {};
  fstat(file.cached_fd(), &status);
  return {status.st_dev,         status.st_ino,          file.size(),
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec, extent.offset};
}

Result<std::string> StructureOf(const ScannedModel& scanned) {
  Digest digest;
  for (const ZipRecord& record : scanned.archive.records()) {
    const std::string_view name = scanned.archive.NameOf(record);
    const bool is_structure = name.starts_with("code/") || name == "data.pkl" ||
                              name == "constants.pkl" || name == "version";
    if (!is_structure) continue;
    const Result<std::string> bytes =
        scanned.archive.file().Read(record.data_offset, record.packed_size);
    if (!bytes) return bytes.error();
    digest.Add(name);
    digest.Add(*bytes);
  }
  return digest.Text();
}

bool IsPure(const torch::jit::Module& module) {
  for (const torch::jit::Module& part : module.modules()) {
    if (!IsPlain(part)) return false;
  }
  return true;
}

}  // namespace raceway::engine::load
