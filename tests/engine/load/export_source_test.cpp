#include "engine/load/export_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/load/archives.h"
#include "tests/engine/load/read_any.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using ::testing::HasSubstr;
using testing::MemoryFile;
using testing::Show;
using testing::ZipOf;

Result<WeightMap> Read(const std::filesystem::path& path) {
  const Result<Archive> archive = Archive::Open(path);
  return archive.ok() ? ReadExported(*archive) : archive.error();
}

TEST(ExportSourceTest, ReadsWhatPyTorchExports) {
  const Result<WeightMap> map = Read(Archived("exported.pt2"));
  EXPECT_EQ(Show(map),
            "data/weights/weight_0: 4096 bytes, type 6\n"
            "data/weights/weight_1: 128 bytes, type 6, small\n"
            "data/weights/weight_2: 16384 bytes, type 6\n"
            "data/constants/tensor_0: 128 bytes, type 6, small\n"
            "a.weight = data/weights/weight_0 + 0 [32, 32] by [32, 1]\n"
            "b.bias = data/weights/weight_1 + 0 [32] by [1]\n"
            "b.weight = data/weights/weight_0 + 0 [32, 32] by [32, 1]\n"
            "big = data/weights/weight_2 + 0 [64, 64] by [64, 1]\n"
            "view = data/weights/weight_2 + 1 [32, 64] by [1, 64]\n"
            "k = data/constants/tensor_0 + 0 [32] by [1]\n");
  EXPECT_EQ(testing::Broken(*map), "");
}

/// What is said of an archive with one weight of four bytes that is described so.
std::string SaidOf(const std::string& entry) {
  const MemoryFile file(
      ZipOf({{"m/data/weights/weight_0", "1234"},
             {"m/data/weights/model_weights_config.json", R"({"config":{"w":)" + entry + "}}"}}));
  return Show(Read(file.path()));
}

std::string Entry(const std::string& dtype, const std::string& sizes,
                  const std::string& more = "") {
  return R"({"path_name":"weight_0","use_pickle":false,"tensor_meta":{"dtype":)" + dtype +
         R"(,"sizes":[)" + sizes + R"(],"strides":[{"as_int":1}],"storage_offset":{"as_int":0},)" +
         R"("layout":7)" + more + "}}";
}

TEST(ExportSourceTest, RefusesWhatDoesNotDescribeItsRecords) {
  EXPECT_THAT(SaidOf(Entry("7", R"({"as_int":1})")), HasSubstr("w = data/weights/weight_0"));
  EXPECT_THAT(SaidOf(Entry("7", R"({"as_int":2})")), HasSubstr("reaches past its storage"));
  EXPECT_THAT(SaidOf(Entry("7", R"({"as_expr":"s0"})")), HasSubstr("a size that is no number"));
  EXPECT_THAT(SaidOf(Entry("99", R"({"as_int":1})")), HasSubstr("has elements of type 99"));
  EXPECT_THAT(SaidOf(Entry("\"x\"", R"({"as_int":1})")), HasSubstr("has elements of type \"x\""));
  EXPECT_THAT(SaidOf("7"), HasSubstr("is not described"));
  EXPECT_THAT(SaidOf("[]"), HasSubstr("is not described"));
  EXPECT_THAT(SaidOf(R"({"path_name":"weight_1","use_pickle":true,"tensor_meta":{}})"),
              HasSubstr("unsupported: record `data/weights/weight_1`: tensor `w` is pickled"));
  EXPECT_THAT(SaidOf(Entry("7", "", R"(,"layout":7)")), HasSubstr("is no configuration"));
  EXPECT_THAT(SaidOf("1}, \"config\":{\"w\":1"), HasSubstr("is no configuration"));
}

}  // namespace
}  // namespace raceway::engine::load
