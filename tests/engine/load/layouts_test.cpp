// Weights wherever files may have them: at odd places, of no size, in shards, beyond 4 GiB.
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "engine/load/chunk_reader.h"
#include "engine/load/repack.h"
#include "engine/load/safetensors_source.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::BytesOf;
using testing::FaultyScheduler;
using testing::Inputs;
using testing::StockAnswer;
using testing::TemporaryFolder;
using testing::TryModel;
using testing::Verdict;
using testing::WriteBytes;

/// Whether a load brings all storages as the files have them; which one not.
std::string NotAsWritten(const WeightMap& map, bool guarded) {
  const SteadyClock clock;
  ReadScheduler scheduler(MakeChunkReader(), {}, clock);
  std::vector<std::shared_ptr<ModelFile>> files;
  std::vector<std::string> bytes;
  for (const std::filesystem::path& path : map.files) {
    files.push_back(ModelFile::Open(path).value());
    bytes.push_back(BytesOf(path));
  }
  std::vector<Extent> extents;
  for (const Storage& storage : map.storages) extents.push_back(storage.extent);
  const auto job = LoadJob::Start(scheduler, files, extents, {.guarded = guarded}).value();
  if (const Status all = job->WaitAll(); !all) return all.error().message;
  for (const Storage& storage : map.storages) {
    const Extent& extent = storage.extent;
    const char* loaded = reinterpret_cast<const char*>(job->data(extent.storage));
    if (!std::equal(loaded, loaded + extent.size,
                    bytes[static_cast<size_t>(extent.file)].data() + extent.offset)) {
      return storage.name;
    }
  }
  return {};
}

TEST(LayoutsTest, SafetensorsOfOddSizesLieWhereTheyWill) {
  for (const bool guarded : {false, true}) {
    EXPECT_EQ(NotAsWritten(ReadSafetensors(Archived("all.safetensors")).value(), guarded), "");
  }
}

TEST(LayoutsTest, SafetensorsThatAreNotAlignedAtAll) {
  const TemporaryFolder folder;
  std::string data(3 + 40'000 + 12'289, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 + i / 251);
  const std::string header =
      R"({"odd":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
      R"("floats":{"dtype":"F32","shape":[100,100],"data_offsets":[3,40003]},)"
      R"("none":{"dtype":"F64","shape":[0,7],"data_offsets":[40003,40003]},)"
      R"("bytes":{"dtype":"U8","shape":[12289],"data_offsets":[40003,52292]}} )";
  const uint64_t size = header.size();
  WriteBytes(folder / "m.safetensors",
             std::string(reinterpret_cast<const char*>(&size), sizeof size) + header + data);
  const WeightMap map = ReadSafetensors(folder / "m.safetensors").value();
  ASSERT_EQ(map.storages.size(), 4U);
  for (const bool guarded : {false, true}) EXPECT_EQ(NotAsWritten(map, guarded), "");
}

TEST(LayoutsTest, SafetensorsInShards) {
  const TemporaryFolder folder;
  for (const char* name : {"part-1.safetensors", "part-2.safetensors"}) {
    std::filesystem::copy_file(Archived(name), folder / name);
  }
  WriteBytes(folder / "m.safetensors.index.json",
             R"({"weight_map":{"odd":"part-2.safetensors","flags":"part-1.safetensors",)"
             R"("matrix":"part-1.safetensors","scalar":"part-2.safetensors"}})");
  const WeightMap map = ReadSafetensors(folder / "m.safetensors.index.json").value();
  ASSERT_EQ(map.files.size(), 2U);
  EXPECT_EQ(NotAsWritten(map, false), "");
}

TEST(LayoutsTest, RepackedModelsAnswerTheSame) {
  const TemporaryFolder folder;
  const Inputs words = {at::randint(50, {4, 7})};
  for (const char* name : {"tied.pt", "frozen.pt"}) {
    ASSERT_TRUE(Repack(Archived(name), folder / name).ok());
    FaultyScheduler scheduler({.delay = std::chrono::microseconds(300)});
    EXPECT_EQ(Verdict(TryModel(*scheduler, folder / name, words, {.guarded = true}),
                      StockAnswer(Archived(name), words)),
              "right");
  }
}

TEST(LayoutsTest, WeightsBeyondFourGibibytes) {
  const TemporaryFolder folder;
  const Inputs words = {at::randint(50, {4, 7})};
  for (const char* name : {"tied.pt", "frozen.pt"}) {
    testing::WriteBehindHole(folder / name, Archived(name), uint64_t{5} << 30);
    const c10::IValue expected = StockAnswer(Archived(name), words);
    ASSERT_EQ(Verdict(StockAnswer(folder / name, words), expected), "right") << "LibTorch's own";
    const SteadyClock clock;
    ReadScheduler scheduler(MakeChunkReader(), {}, clock);
    EXPECT_EQ(Verdict(TryModel(scheduler, folder / name, words), expected), "right");
    std::filesystem::remove(folder / name);
  }
}

}  // namespace
}  // namespace raceway::engine::load
