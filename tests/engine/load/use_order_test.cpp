#include "engine/load/use_order.h"

#include <gtest/gtest.h>

#include "tests/engine/load/archives.h"

namespace raceway::engine::load {
namespace {

using testing::TemporaryFolder;
using testing::WriteBytes;
using testing::ZipOf;
using Names = std::vector<std::string>;

std::vector<Storage> Storages(const std::vector<std::pair<std::string, uint64_t>>& offsets) {
  std::vector<Storage> storages;
  for (const auto& [name, offset] : offsets) {
    storages.push_back({.name = name, .extent = {0, 0, offset, 1, std::nullopt}});
  }
  return storages;
}

TEST(UseOrderTest, IsThatOfTheFileWhereNothingIsRecorded) {
  const auto storages = Storages({{"b", 30}, {"a", 10}, {"c", 20}});
  EXPECT_EQ(OrderOf(storages, {}), (std::vector<size_t>{1, 2, 0}));
}

TEST(UseOrderTest, HasWhatIsRecordedFirst) {
  const auto storages = Storages({{"a", 10}, {"b", 20}, {"c", 30}, {"d", 40}});
  EXPECT_EQ(OrderOf(storages, {"c", "unknown", "b", "c"}), (std::vector<size_t>{2, 1, 0, 3}));
}

TEST(UseOrderTest, IsAListOfNames) {
  EXPECT_EQ(*ParseUseOrder(UseOrderText({"data/1", "data/0"})), (Names{"data/1", "data/0"}));
  EXPECT_TRUE(ParseUseOrder("[]")->empty());
  for (const char* text : {"", "{}", "[1]", "[\"a\"", "\"a\""}) {
    EXPECT_FALSE(ParseUseOrder(text).ok()) << text;
  }
}

TEST(UseOrderTest, IsReadFromTheArchiveOrFromBesideIt) {
  const TemporaryFolder folder;
  const auto path = folder / "model.pt";
  const auto recorded = [&](const std::string& record) {
    WriteBytes(path, ZipOf({{"model/extra/raceway_order", record}}));
    return RecordedOrder(*Archive::Open(path));
  };
  EXPECT_EQ(recorded(R"(["data/1"])"), Names{"data/1"});
  EXPECT_EQ(recorded("broken"), Names{});
  WriteBytes(path, ZipOf({{"model/version", "3"}}));
  EXPECT_EQ(RecordedOrder(*Archive::Open(path)), Names{});
  WriteBytes(folder / "model.pt.order", R"(["data/2"])");
  EXPECT_EQ(recorded(R"(["data/1"])"), Names{"data/2"});
}

}  // namespace
}  // namespace raceway::engine::load
