#include "engine/load/safetensors_source.h"

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
using testing::TemporaryFolder;
using testing::WriteBytes;

std::string Safetensors(const std::string& header, const std::string& data) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + header + data;
}

std::string Read(const std::string& bytes) {
  const MemoryFile file(bytes);
  return Show(ReadSafetensors(file.path()));
}

std::string Read(const std::string& header, const std::string& data) {
  return Read(Safetensors(header, data));
}

constexpr char kTwo[] = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                        R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";

TEST(SafetensorsSourceTest, ReadsWhatItsLibraryWrites) {
  const Result<WeightMap> map = ReadSafetensors(Archived("all.safetensors"));
  EXPECT_EQ(Show(map),
            "scalar: 8 bytes, type 4, small\n"
            "none: 0 bytes, type 6, small\n"
            "matrix: 30 bytes, type 15, small\n"
            "odd: 7 bytes, type 0, small\n"
            "flags: 3 bytes, type 11, small\n"
            "scalar = scalar + 0 [] by []\n"
            "none = none + 0 [4, 0, 2] by [2, 2, 1]\n"
            "matrix = matrix + 0 [3, 5] by [5, 1]\n"
            "odd = odd + 0 [7] by [1]\n"
            "flags = flags + 0 [3] by [1]\n");
  EXPECT_EQ(testing::Broken(*map), "");
  const std::string file = testing::BytesOf(Archived("all.safetensors"));
  EXPECT_EQ(file[map->storages[3].extent.offset + 5], 5);
  EXPECT_EQ(file.size(), map->storages[4].extent.offset + 3);
}

TEST(SafetensorsSourceTest, ReadsShards) {
  const TemporaryFolder folder;
  for (const char* name : {"part-1.safetensors", "part-2.safetensors"}) {
    std::filesystem::copy_file(Archived(name), folder / name);
  }
  const auto path = folder / "model.safetensors.index.json";
  const auto with = [&](const std::string& weights) {
    WriteBytes(path, R"({"metadata":{"total_size":48},"weight_map":{)" + weights + "}}");
    return ReadSafetensors(path);
  };
  const Result<WeightMap> map = with(R"("odd":"part-2.safetensors","flags":"part-1.safetensors",
              "matrix":"part-1.safetensors","scalar":"part-2.safetensors")");
  EXPECT_EQ(Show(map),
            "flags: 3 bytes, type 11, small\n"
            "matrix: 30 bytes, type 15, small\n"
            "odd: 7 bytes, type 0, small\n"
            "scalar: 8 bytes, type 4, small\n"
            "flags = flags + 0 [3] by [1]\n"
            "matrix = matrix + 0 [3, 5] by [5, 1]\n"
            "odd = odd + 0 [7] by [1]\n"
            "scalar = scalar + 0 [] by []\n");
  ASSERT_EQ(map->files.size(), 2U);
  EXPECT_EQ(map->storages[2].extent.file, 1);
  EXPECT_EQ(testing::Broken(*map), "");
  EXPECT_THAT(Show(with(R"("odd":"part-1.safetensors")")), HasSubstr("the index says so"));
  EXPECT_EQ(with(R"("odd":"part-3.safetensors")").error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(Show(with(R"("odd":"../secret")")), HasSubstr("is in no file of the same folder"));
  EXPECT_THAT(Show(with(R"("odd":7)")), HasSubstr("is in no file of the same folder"));
  EXPECT_THAT(Show(with(R"("odd":"part-2.safetensors","odd":"part-1.safetensors")")),
              HasSubstr("is no index"));
  WriteBytes(path, R"({"weights":{}})");
  EXPECT_THAT(Show(ReadSafetensors(path)), HasSubstr("is no index"));
}

TEST(SafetensorsSourceTest, TakesRangesInAnyOrder) {
  EXPECT_EQ(Read(R"({"__metadata__":{"format":"pt"},)"
                 R"("b":{"shape":[3],"data_offsets":[8,11],"dtype":"U8"},)"
                 R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   )",
                 std::string(11, 'x')),
            "a: 8 bytes, type 6, small\n"
            "b: 3 bytes, type 0, small\n"
            "a = a + 0 [2] by [1]\n"
            "b = b + 0 [3] by [1]\n");
  EXPECT_EQ(Read("{}", ""), "");
}

TEST(SafetensorsSourceTest, RefusesLengthsThatAreNone) {
  EXPECT_THAT(Read("1234567"), HasSubstr("it is too short"));
  EXPECT_THAT(Read(std::string(8, '\xff')), HasSubstr("the limit is 100000000"));
  EXPECT_THAT(Read(std::string("\x10\0\0\0\0\0\0\0{}", 10)), HasSubstr("ends in its header"));
  EXPECT_THAT(Read(kTwo, std::string(10, 'x')), HasSubstr("pass the end"));
  EXPECT_THAT(Read(kTwo, std::string(12, 'x')), HasSubstr("byte 126: has bytes that are of no"));
}

TEST(SafetensorsSourceTest, RefusesRangesThatAreNotThoseOfTheTensors) {
  const auto of = [](const std::string& shape, const std::string& offsets) {
    return Read(R"({"a":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" + offsets +
                    R"(]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})",
                std::string(11, 'x'));
  };
  EXPECT_THAT(of("2", "0,8"), HasSubstr("b = b"));
  EXPECT_THAT(of("2", "1,9"), HasSubstr("record `a`, byte"));
  EXPECT_THAT(of("1", "0,4"), HasSubstr("leave a gap"));
  EXPECT_THAT(of("2", "8,0"), HasSubstr("overlap others"));
  EXPECT_THAT(of("3", "0,12"), HasSubstr("pass the end"));
  EXPECT_THAT(of("2", "0,18446744073709551615"), HasSubstr("pass the end"));
  EXPECT_THAT(of("3", "0,8"), HasSubstr("has 8 bytes for 3 elements"));
  EXPECT_THAT(of("4611686018427387904,4611686018427387904", "0,8"),
              HasSubstr("has too many elements"));
  EXPECT_THAT(of("9223372036854775808", "0,8"), HasSubstr("not as the format has it"));
}

TEST(SafetensorsSourceTest, RefusesHeadersThatOthersWouldReadInAnotherWay) {
  const auto of = [](const std::string& header) { return Read(header, std::string(8, 'x')); };
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_THAT(of("{" + a + "," + a + "}"), HasSubstr("`a` is there twice"));
  EXPECT_THAT(of(R"({"__metadata__":{},"__metadata__":{},)" + a + "}"), HasSubstr("there twice"));
  EXPECT_THAT(of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
              HasSubstr("`dtype` of `a` is there twice"));
  EXPECT_THAT(of(R"({"a":{"dtype":"F32","shape":[2]}})"), HasSubstr("`a` lacks"));
  EXPECT_THAT(of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})"),
              HasSubstr("`x` of `a` is not known"));
  EXPECT_THAT(of("[1]"), HasSubstr("its header is none"));
  EXPECT_THAT(of(std::string(100000, '[')), HasSubstr("its header is none"));
  EXPECT_THAT(of(R"({"a":)" + std::string(100000, '{') + "}"), HasSubstr("no JSON"));
  EXPECT_THAT(of(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"),
              HasSubstr("not as the format has it"));
  EXPECT_THAT(of(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})"),
              HasSubstr("not as the format has it"));
  EXPECT_THAT(of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})"),
              HasSubstr("not as the format has it"));
  EXPECT_THAT(of(R"({"__metadata__":{"x":1},)" + a + "}"), HasSubstr("its header is none"));
  EXPECT_THAT(of("{" + a), HasSubstr("is no JSON from byte"));
  EXPECT_THAT(of("{" + a + "}}"), HasSubstr("is no JSON from byte"));
  EXPECT_THAT(of(R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})"),
              HasSubstr("unsupported: record `a`: has elements of type `F4`"));
}

}  // namespace
}  // namespace raceway::engine::load
