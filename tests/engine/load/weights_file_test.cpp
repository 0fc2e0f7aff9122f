#include "engine/load/weights_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/torchscript_source.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/read_any.h"

namespace raceway::engine::load {
namespace {

using ::testing::HasSubstr;
using testing::Packaged;
using testing::TemporaryFolder;

/// A tensor of zeros in a safetensors file.
struct Written {
  std::string name;
  std::string dtype;
  std::vector<int64_t> sizes;
  uint64_t num_bytes = 0;
};

std::string SafetensorsOf(const std::vector<Written>& tensors) {
  std::string header = "{";
  uint64_t end = 0;
  for (const Written& tensor : tensors) {
    std::string sizes;
    for (const int64_t size : tensor.sizes) {
      sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    }
    header += (header.size() > 1 ? ",\"" : "\"") + tensor.name + R"(":{"dtype":")" + tensor.dtype +
              R"(","shape":[)" + sizes + R"(],"data_offsets":[)" + std::to_string(end) + "," +
              std::to_string(end + tensor.num_bytes) + "]}";
    end += tensor.num_bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string bytes(8, '\0');
  const uint64_t size = header.size();
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes + header + std::string(end, '\0');
}

WeightMap Layers() { return *ReadTorchScript(*Archive::Open(Packaged("layers.pt"))); }

const Written kBias = {"layers.0.bias", "F32", {128}, 512};

class WeightsFileTest : public ::testing::Test {
 protected:
  Result<OtherWeights> Put(WeightMap structure, const std::vector<Written>& tensors) const {
    const std::filesystem::path path = folder_ / "w.safetensors";
    testing::WriteBytes(path, SafetensorsOf(tensors));
    return WithOtherWeights(std::move(structure), *ReadWeightsFile(path));
  }
  std::string ErrorOf(WeightMap structure, const std::vector<Written>& tensors) const {
    const Result<OtherWeights> put = Put(std::move(structure), tensors);
    return put ? "" : put.error().Text();
  }

  const TemporaryFolder folder_;
};

TEST_F(WeightsFileTest, AllThatAModelHasComesOutOfEachFormOfFile) {
  const WeightMap structure = Layers();
  for (const auto& [name, num_files] :
       {std::pair("other.safetensors", 1), std::pair("other.safetensors.index.json", 4),
        std::pair("layers-exported.pt2", 1)}) {
    const Result<WeightMap> others = ReadWeightsFile(Packaged(name));
    ASSERT_TRUE(others.ok()) << others.error().Text();
    const Result<OtherWeights> put = WithOtherWeights(structure, *others);
    ASSERT_TRUE(put.ok()) << put.error().Text();
    EXPECT_EQ(put->map.files.size(), 1u + num_files);
    EXPECT_EQ(put->is_theirs, std::vector<bool>(structure.tensors.size(), true)) << name;
    for (size_t i = 0; i < structure.storages.size(); ++i) {
      const Extent& extent = put->map.storages[i].extent;
      EXPECT_GT(extent.file, 0);
      EXPECT_EQ(extent.size, structure.storages[i].extent.size);
      EXPECT_EQ(put->map.storages[i].name, structure.storages[i].name);
    }
    EXPECT_EQ(testing::Broken(put->map), "") << name;
  }
}

TEST_F(WeightsFileTest, WhatTheOthersLackStaysWhereItIs) {
  const WeightMap structure = Layers();
  const Result<OtherWeights> put = Put(structure, {kBias});
  ASSERT_TRUE(put.ok()) << put.error().Text();
  for (size_t i = 0; i < structure.tensors.size(); ++i) {
    const bool is_bias = structure.tensors[i].name == kBias.name;
    EXPECT_EQ(put->is_theirs[i], is_bias);
    EXPECT_EQ(put->map.storages[structure.tensors[i].storage].extent.file, is_bias ? 1 : 0);
  }
}

TEST_F(WeightsFileTest, WhatDoesNotFitIsNamed) {
  EXPECT_EQ(ErrorOf(Layers(), {{"layers.0.bias", "F32", {64}, 256}}),
            "`layers.0.bias` is float32[128] in the model, float32[64] in the file");
  EXPECT_EQ(ErrorOf(Layers(), {{"layers.0.bias", "F16", {128}, 256}}),
            "`layers.0.bias` is float32[128] in the model, float16[128] in the file");
  EXPECT_EQ(ErrorOf(Layers(), {kBias,
                               {"a", "F32", {1}, 4},
                               {"b", "F32", {1}, 4},
                               {"c", "F32", {1}, 4},
                               {"d", "F32", {1}, 4}}),
            "`a` is no weight of the model; `b` is no weight of the model; `c` is no weight of the "
            "model; and 1 more");
  EXPECT_THAT(ErrorOf(Layers(),
                      {{"layers.1.bias", "F32", {128}, 512}, {"layers.2.bias", "F32", {128}, 512}}),
              "");
}

TEST_F(WeightsFileTest, TiedWeightsNeedOneNameAndPartsHaveNone) {
  const WeightMap tied = *ReadTorchScript(*Archive::Open(testing::Archived("tied.pt")));
  const Written embedding = {"emb.weight", "F32", {50, 32}, 6400};
  const Written head = {"head.weight", "F32", {50, 32}, 6400};
  const Result<OtherWeights> put = Put(tied, {head});
  ASSERT_TRUE(put.ok()) << put.error().Text();
  for (size_t i = 0; i < tied.tensors.size(); ++i) {
    const bool is_it =
        tied.tensors[i].name == "emb.weight" || tied.tensors[i].name == "head.weight";
    EXPECT_EQ(put->is_theirs[i], is_it) << tied.tensors[i].name;
  }
  EXPECT_EQ(ErrorOf(tied, {embedding, head}),
            "`head.weight` is tied to `emb.weight` in the model, the file has both");
  EXPECT_THAT(ErrorOf(tied, {{"part", "F32", {7, 62}, 1736}}), HasSubstr("`part` lies in another"));
}

TEST_F(WeightsFileTest, NumbersBeginWhereTheirTypeCan) {
  EXPECT_THAT(ErrorOf(Layers(), {{"layers.0.bias", "F32", {128}, 512}}), "");
  WeightMap shifted = *ReadWeightsFile(folder_ / "w.safetensors");
  shifted.storages[0].extent.offset += 1;
  EXPECT_THAT(WithOtherWeights(Layers(), shifted).error().message,
              HasSubstr("does not begin where its type can"));
}

}  // namespace
}  // namespace raceway::engine::load
