#include "engine/load/opened_model.h"

#include <utility>

#include "engine/load/random_file.h"
#include "engine/load/torchscript_source.h"

namespace raceway::engine::load {

Result<OpenedModel> OpenModel(const std::filesystem::path& path, OpenFiles& files) {
  Result<std::shared_ptr<ModelFile>> file = files.Find(path);
  if (!file) return std::move(file).error();
  Result<RandomFile> same = files.Look(path);
  if (!same) return std::move(same).error();
  Result<Archive> archive = Archive::Open(*std::move(same));
  if (!archive) return std::move(archive).error();
  Result<WeightMap> weights = ReadTorchScript(*archive);
  if (!weights) return std::move(weights).error();
  return OpenedModel{*std::move(file), *std::move(archive), *std::move(weights)};
}

}  // namespace raceway::engine::load
