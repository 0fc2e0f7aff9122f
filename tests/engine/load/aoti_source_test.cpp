#include "engine/load/aoti_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/load/export_source.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/read_any.h"

namespace raceway::engine::load {
namespace {

using ::testing::HasSubstr;
using testing::MemoryFile;
using testing::Packaged;
using testing::Show;
using testing::ZipOf;

Result<AotiPackage> Read(const std::filesystem::path& path) {
  const Result<Archive> archive = Archive::Open(path);
  return archive.ok() ? ReadAotiPackage(*archive) : archive.error();
}

TEST(AotiSourceTest, ReadsWhatCodeWants) {
  const Result<AotiPackage> package = Read(Packaged("elsewhere.pt2"));
  ASSERT_TRUE(package.ok()) << package.error().Text();
  EXPECT_EQ(package->place, AotiWeights::kElsewhere);
  EXPECT_THAT(package->library, ::testing::EndsWith(".so"));
  ASSERT_EQ(package->constants.size(), 5U);
  const AotiConstant& view = package->constants[3];
  EXPECT_EQ(view.name, "view");
  EXPECT_EQ(view.dtype, ScalarType::kF32);
  EXPECT_EQ(view.sizes, (std::vector<int64_t>{32, 64}));
  EXPECT_EQ(view.strides, (std::vector<int64_t>{1, 64}));
  EXPECT_EQ(view.num_bytes, 16256U);
  EXPECT_TRUE(package->weights.storages.empty());
}

TEST(AotiSourceTest, LeavesWeightsInTheLibraryToTheStockLoader) {
  EXPECT_EQ(Read(Packaged("inside.pt2"))->place, AotiWeights::kInLibrary);
}

TEST(AotiSourceTest, FindsWeightsInABlob) {
  const Result<AotiPackage> package = Read(Packaged("blob.pt2"));
  ASSERT_TRUE(package.ok()) << package.error().Text();
  EXPECT_EQ(package->place, AotiWeights::kInBlob);
  const WeightMap& map = package->weights;
  EXPECT_EQ(testing::Broken(map), "");
  ASSERT_EQ(map.tensors.size(), 5U);
  EXPECT_EQ(map.tensors[2].name, "big");
  // All ones, and the view behind them as well.
  const std::string file = testing::BytesOf(Packaged("blob.pt2"));
  const Extent& big = map.storages[map.tensors[2].storage].extent;
  EXPECT_EQ(big.size, 16384U);
  for (const size_t at : {size_t{0}, size_t{16380}, size_t{16384}}) {
    EXPECT_EQ(testing::NumberAt<float>(file, big.offset + at), 1.0F);
  }
}

TEST(AotiSourceTest, FindsWeightsInFilesOfTheirOwn) {
  const Result<AotiPackage> package = Read(Packaged("files.pt2"));
  ASSERT_TRUE(package.ok()) << package.error().Text();
  EXPECT_EQ(package->place, AotiWeights::kInFiles);
  EXPECT_EQ(testing::Broken(package->weights), "");
  EXPECT_EQ(Show(package->weights),
            "data/weights/weight_3: 128 bytes, type 6, small\n"
            "data/weights/weight_1: 128 bytes, type 6, small\n"
            "data/weights/weight_0: 4096 bytes, type 6\n"
            "data/weights/weight_2: 16384 bytes, type 6\n"
            "_tensor_constant0 = data/weights/weight_3 + 0 [32] by [1]\n"
            "b.bias = data/weights/weight_1 + 0 [32] by [1]\n"
            "b.weight = data/weights/weight_0 + 0 [32, 32] by [32, 1]\n"
            "big = data/weights/weight_2 + 0 [64, 64] by [64, 1]\n"
            "view = data/weights/weight_2 + 1 [32, 64] by [1, 64]\n");
  const std::string file = testing::BytesOf(Packaged("files.pt2"));
  const Extent& big = package->weights.storages[3].extent;
  EXPECT_EQ(testing::NumberAt<float>(file, big.offset + 16380), 1.0F);
}

TEST(AotiSourceTest, WhatMayBeInTheCodeCannotBeExchanged) {
  WeightMap map = *ReadExported(*Archive::Open(Packaged("layers-exported.pt2")));
  const std::vector<AotiConstant> constants = Read(Packaged("bare.pt2"))->constants;
  const auto error_with = [&](const std::string& name, std::vector<int64_t> sizes) {
    WeightMap more = map;
    more.tensors.push_back({.name = name, .storage = 0, .sizes = std::move(sizes), .strides = {}});
    const auto matches = MatchWeights(constants, more);
    return matches ? "" : matches.error().message;
  };
  EXPECT_EQ(error_with("scale", {8}),
            "`scale` is no weight of the code, which may have it as numbers of its own: compile it "
            "with `always_keep_tensor_constants`");
  EXPECT_NE(error_with("scale", {}), "");
  EXPECT_EQ(error_with("scale", {9}), "");
  EXPECT_EQ(error_with("scale", {1, 1}), "");
  EXPECT_EQ(error_with("norm.num_batches_tracked", {}), "");
  map.storages[0].name = "data/constants/tensor_0";  // of the exported program
  EXPECT_EQ(error_with("lifted", {}), "");
}

TEST(AotiSourceTest, MatchesWeightsOfOtherFilesByName) {
  const WeightMap map = *ReadExported(*Archive::Open(testing::Archived("exported.pt2")));
  std::vector<AotiConstant> constants = Read(Packaged("elsewhere.pt2"))->constants;
  EXPECT_EQ(MatchWeights(constants, map).error().message, "there is no weight `_tensor_constant0`");
  constants.pop_back();
  const Result<std::vector<size_t>> matches = MatchWeights(constants, map);
  ASSERT_TRUE(matches.ok()) << matches.error().Text();
  ASSERT_EQ(matches->size(), constants.size());
  for (size_t i = 0; i < constants.size(); ++i) {
    EXPECT_EQ(map.tensors[(*matches)[i]].name, constants[i].name);
  }
  constants[2].strides = {1, 64};
  EXPECT_EQ(MatchWeights(constants, map).error().code, ErrorCode::kUnsupported);
  constants[2].sizes = {64, 63};
  EXPECT_EQ(MatchWeights(constants, map).error().code, ErrorCode::kInvalidArgument);
  constants[2].is_folded = true;
  EXPECT_EQ(MatchWeights(constants, map)->at(2), map.tensors.size());
}

constexpr char kConstant[] =
    "    constants_info_[0].name = \"w\";\n"
    "    constants_info_[0].dtype = cached_torch_dtype_bfloat16;\n"
    "    constants_info_[0].offset = 0;\n"
    "    constants_info_[0].data_size = 64;\n"
    "    constants_info_[0].from_folded = false;\n"
    "    constants_info_[0].shape = {4, 2};\n"
    "    constants_info_[0].stride = {2, 1};\n"
    "    constants_info_[0].original_fqn = \"layer.w\";\n";

std::string SaidOf(const std::string& source) {
  const Result<std::vector<AotiConstant>> constants = ConstantsOfWrapper(source);
  return constants.ok() ? std::to_string(constants->size()) : constants.error().message;
}

TEST(AotiSourceTest, RefusesConstantsInOtherForms) {
  EXPECT_EQ(SaidOf(kConstant), "1");
  EXPECT_EQ(SaidOf("int x;"), "0");
  for (const char* line : {
           "constants_info_[2].shape = {4};",
           "constants_info_[-1].shape = {4};",
           "constants_info_[99999999999999999999].shape = {4};",
           "constants_info_[1].shape = {4, -2};",
           "constants_info_[1].shape = {a};",
           "constants_info_[1].shape = 4;",
           "constants_info_[1].shape = {",
           "constants_info_[1] = other",
           "constants_info_[1].opaque_metadata = {1};",
           "constants_info_[1].dtype = cached_torch_dtype_float3;",
           "constants_info_[1].layout = static_cast<int32_t>(cached_torch_layout_mkldnn);",
           "constants_info_[1].offset = 4;",
       }) {
    EXPECT_THAT(SaidOf(std::string(kConstant) + line), HasSubstr("in a form that is not known"))
        << line;
  }
}

/// What is said of a package with one constant and a blob.
std::string SaidOfBlob(const std::string& source, const std::string& blob) {
  const std::string folder = "p/data/aotinductor/model/";
  const MemoryFile file(ZipOf({{folder + "x.wrapper.cpp", source},
                               {folder + "x.wrapper.so", "code"},
                               {folder + "x.wrapper_weights.blob", blob}}));
  const Result<AotiPackage> package = Read(file.path());
  return Show(package.ok() ? Result<WeightMap>(package->weights) : package.error());
}

TEST(AotiSourceTest, HoldsABlobAgainstItsConstants) {
  EXPECT_THAT(SaidOfBlob(kConstant, std::string(64, 'x')),
              HasSubstr("layer.w = data/aotinductor/model/x.wrapper_weights.blob:layer.w + 0"));
  EXPECT_THAT(SaidOfBlob(kConstant, std::string(63, 'x')),
              HasSubstr("ends before constant `layer.w`"));
  EXPECT_THAT(SaidOfBlob(kConstant, std::string(65, 'x')), HasSubstr("has other bytes than those"));
  std::string large = kConstant;
  large.replace(large.find("{4, 2}"), 6, "{40, 2}");
  EXPECT_THAT(SaidOfBlob(large, std::string(64, 'x')), HasSubstr(": constant `layer.w`"));
}

}  // namespace
}  // namespace raceway::engine::load
