#include "engine/load/torchscript_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "tests/engine/load/archives.h"
#include "tests/engine/load/read_any.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Member;
using testing::MembersOf;
using testing::MemoryFile;
using testing::Show;
using testing::ZipOf;

Result<WeightMap> Read(const std::filesystem::path& path) {
  const Result<Archive> archive = Archive::Open(path);
  return archive.ok() ? ReadTorchScript(*archive) : archive.error();
}

TEST(TorchScriptSourceTest, KeepsTiesViewsAndContainers) {
  EXPECT_EQ(Show(Read(Archived("tied.pt"))),
            "data/0: 16384 bytes, type 6\n"
            "data/1: 0 bytes, type 6, small\n"
            "data/2: 4096 bytes, type 15\n"
            "data/3: 24 bytes, type 4, small\n"
            "data/4: 8 bytes, type 5, small\n"
            "data/5: 1 bytes, type 11, small\n"
            "data/6: 4 bytes, type 6, small\n"
            "data/7: 6400 bytes, type 6\n"
            "full = data/0 + 0 [64, 64] by [64, 1]\n"
            "part = data/0 + 194 [7, 62] by [64, 1]\n"
            "turned = data/0 + 0 [64, 64] by [1, 64]\n"
            "none = data/1 + 0 [0, 3] by [3, 1]\n"
            "wide = data/2 + 0 [2048] by [1]\n"
            "items.0 = data/3 + 0 [3] by [1]\n"
            "items.1 = data/4 + 0 [2, 2] by [2, 1]\n"
            "named.a = data/5 + 0 [] by []\n"
            "pair.0 = data/6 + 0 [1] by [1]\n"
            "emb.weight = data/7 + 0 [50, 32] by [32, 1]\n"
            "head.weight = data/7 + 0 [50, 32] by [32, 1]\n");
}

TEST(TorchScriptSourceTest, FindsTheConstantsOfFrozenModules) {
  EXPECT_THAT(Show(Read(Archived("frozen.pt"))),
              HasSubstr("constants/0: 6400 bytes, type 6\n"
                        "constants/1: 4 bytes, type 6, small\n"));
}

TEST(TorchScriptSourceTest, SaysWhichWeightsAreLookedAtInLoading) {
  EXPECT_EQ(Show(Read(Archived("quantized.pt"))),
            "data/0: 4096 bytes, type 12, early\n"
            "data/1: 256 bytes, type 6, small, early\n"
            "l._packed_params._packed_params.0 = data/0 + 0 [64, 64] by [64, 1] quantized\n"
            "l._packed_params._packed_params.1 = data/1 + 0 [64] by [1]\n");
  EXPECT_EQ(Show(Read(Archived("stateful.pt"))),
            "data/0: 16384 bytes, type 6, early\n"
            "data/1: 16384 bytes, type 6\n"
            "data/2: 256 bytes, type 6, small\n"
            "inner.0 = data/0 + 0 [64, 64] by [64, 1]\n"
            "outer.weight = data/1 + 0 [64, 64] by [64, 1]\n"
            "outer.bias = data/2 + 0 [64] by [1]\n");
}

TEST(TorchScriptSourceTest, ExtentsAreWhereTheBytesAre) {
  const Result<WeightMap> map = Read(Archived("tied.pt"));
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(testing::Broken(*map), "");
  const Extent& extent = map->storages[0].extent;
  const std::string file = testing::BytesOf(Archived("tied.pt"));
  EXPECT_EQ(testing::NumberAt<float>(file, extent.offset + 400), 100.0F);
  EXPECT_TRUE(extent.crc32.has_value());
}

TEST(TorchScriptSourceTest, ReadsWhatTorchSaves) {
  const Result<Archive> archive = Archive::Open(Archived("saved.pt"));
  ASSERT_TRUE(archive.ok());
  EXPECT_EQ(ReadTorchScript(*archive).error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(ReadTorchScript(*archive).error().message, HasSubstr("has weights but no code"));
  EXPECT_EQ(Show(ReadSavedTensor(*Archive::Open(Archived("tensor.pt")))),
            "data/0: 4096 bytes, type 6\n"
            " = data/0 + 0 [32, 32] by [1, 32]\n");
}

TEST(TorchScriptSourceTest, RefusesOtherFiles) {
  const MemoryFile no_zip("no archive, but long enough to have an end of one in it");
  EXPECT_EQ(Read(no_zip.path()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Read("/nowhere.pt").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Read("/tmp").error().code, ErrorCode::kUnavailable);
  const MemoryFile two_folders(ZipOf({{"a/data.pkl", "N."}, {"b/version", "3"}}));
  EXPECT_THAT(Read(two_folders.path()).error().message, HasSubstr("lies in another folder"));
  const MemoryFile flat(ZipOf({{"data.pkl", "N."}}));
  EXPECT_THAT(Read(flat.path()).error().message, HasSubstr("lies in another folder"));
  const MemoryFile legacy(ZipOf({{"a/model.json", "{}"}, {"a/version", "1"}}));
  EXPECT_EQ(Show(Read(legacy.path())), "unsupported: was written by a release before 1.4");
  const MemoryFile other(ZipOf({{"a/b", ""}}));
  EXPECT_THAT(Show(Read(other.path())), HasSubstr("is no TorchScript"));
}

/// What is said of tied.pt once its members were changed.
std::string SaidOf(const std::function<void(std::vector<Member>&)>& change) {
  std::vector<Member> members = MembersOf(Archived("tied.pt"));
  change(members);
  const MemoryFile file(ZipOf(members));
  return Show(Read(file.path()));
}

std::string& ContentOf(std::vector<Member>& members, std::string_view name) {
  for (Member& member : members) {
    if (member.name == name) return member.content;
  }
  ADD_FAILURE() << name;
  return members.front().content;
}

TEST(TorchScriptSourceTest, RefusesRecordsThatAreNotAsTheyAreNamed) {
  EXPECT_THAT(SaidOf([](auto&) {}), HasSubstr("head.weight"));
  EXPECT_EQ(SaidOf([](auto& members) { members.erase(members.begin() + 7); }),
            "invalid argument: record `data/7`: is named and not there");
  EXPECT_EQ(SaidOf([](auto& members) { ContentOf(members, "tied/data/7").resize(6396); }),
            "invalid argument: record `data/7`: has 6396 bytes, which are not the 1600 elements "
            "that it should have");
  EXPECT_THAT(SaidOf([](auto& members) { ContentOf(members, "tied/data/7") += "more"; }),
              HasSubstr("has 6404 bytes"));
}

TEST(TorchScriptSourceTest, RefusesTensorsOutsideOfTheirStorage) {
  const auto with = [](const std::string& before, const std::string& after) {
    return SaidOf([&](auto& members) {
      std::string& pickle = ContentOf(members, "tied/data.pkl");
      const size_t found = pickle.find(before);
      ASSERT_NE(found, std::string::npos);
      pickle.replace(found, before.size(), after);
    });
  };
  // part: offset 194, sizes (7, 62), strides (64, 1)
  EXPECT_EQ(with("K\xc2(K\x07K>t(K@K\1t", "K\xc2(K?K>t(K@K\1t"),
            "invalid argument: record `data/0`: tensor `part` reaches past its storage");
  EXPECT_THAT(with("K\xc2(K\x07K>t(K@K\1t", "K\xc2(K\x07K>t(K@t"), HasSubstr("as many strides"));
  const std::string huge = std::string("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 10);
  EXPECT_THAT(with("K\xc2(K\x07K>t(K@K\1t", "K\xc2(" + huge + huge + "t(K@K\1t"),
              HasSubstr("has too many elements"));
  EXPECT_THAT(with("K\xc2(K\x07K>t(K@K\1t", huge + "(K\x07K>t(K@K\1t"),
              HasSubstr("reaches past its storage"));
  EXPECT_THAT(with("K\xc2(K\x07K>t(K@K\1t", "J\xff\xff\xff\xff(K\x07K>t(K@K\1t"),
              HasSubstr("of other parts than a tensor has"));
  EXPECT_THAT(with("FloatStorage", "OtherStorage"), HasSubstr("of type `torch OtherStorage`"));
  EXPECT_THAT(with("_rebuild_tensor_v2", "_rebuild_tensor_v3"),
              HasSubstr("has a storage without a tensor"));
}

TEST(TorchScriptSourceTest, LeavesTensorsOfOtherKindsToTheStockLoader) {
  const auto of = [](const std::string& pickle) {
    return SaidOf([&](auto& members) { ContentOf(members, "tied/data.pkl") = pickle; });
  };
  EXPECT_THAT(of("\x80\2ctorch._tensor\n_rebuild_from_type_v2\n)R."),
              ::testing::StartsWith("unsupported"));
  EXPECT_THAT(of("\x80\2ctorch.jit._pickle\nbuild_tensor_from_id\n)R."),
              ::testing::StartsWith("unsupported"));
  // A list that is in itself ends.
  EXPECT_THAT(of(std::string("\x80\2]q\0(h\0h\0e.", 12)), "");
  EXPECT_THAT(of("\x80\2ctorch.jit._pickle\nbuild_intlist\n)R."), HasSubstr("a list of nothing"));
  EXPECT_THAT(of("\x80\2ctorch._utils\n_rebuild_tensor_v2\n)R."), HasSubstr("fewer parts"));
  EXPECT_THAT(of("not a pickle"), EndsWith("at byte 0 of its content"));
}

}  // namespace
}  // namespace raceway::engine::load
