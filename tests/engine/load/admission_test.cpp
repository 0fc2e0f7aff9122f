#include "engine/load/admission.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace raceway::engine::load {
namespace {

constexpr uint64_t kMB = 1'000'000;

/// "needs …", or nothing.
std::string ErrorOf(MemoryClaim& claim, uint64_t num_bytes) {
  const Status taken = claim.Take(num_bytes);
  if (taken) return {};
  EXPECT_EQ(taken.error().code, ErrorCode::kUnavailable);
  return taken.error().message;
}

TEST(AdmissionTest, WhatDoesNotFitIsRefusedWithBothNumbers) {
  Admission admission([] { return MemoryRoom{3100 * kMB, "in this test"}; });
  MemoryClaim claim(admission);
  EXPECT_EQ(ErrorOf(claim, 4200 * kMB),
            "needs 4.2 GB of memory for its weights, 3.1 GB are available in this test");
  EXPECT_EQ(ErrorOf(claim, 3100 * kMB), "");
  MemoryClaim second(admission);
  EXPECT_EQ(ErrorOf(second, 999),
            "needs 999 B of memory for its weights, 3.1 GB are available in this test, of which "
            "other models will take 3.1 GB");
}

TEST(AdmissionTest, WhatHasArrivedTheSystemCounts) {
  uint64_t room = 10 * kMB;
  Admission admission([&] { return MemoryRoom{room, "here"}; });
  MemoryClaim second(admission);
  {
    MemoryClaim first(admission);
    ASSERT_EQ(ErrorOf(first, 8 * kMB), "");
    EXPECT_NE(ErrorOf(second, 3 * kMB), "");
    first.Arrived(6 * kMB);
    room = 4 * kMB;
    EXPECT_NE(ErrorOf(second, 3 * kMB), "");
    EXPECT_EQ(ErrorOf(second, 2 * kMB), "");
    second.GiveUp();
    first.Arrived(9 * kMB);  // with what lies beside it in its blocks
    EXPECT_EQ(ErrorOf(second, 4 * kMB), "");
    second.GiveUp();
    ASSERT_EQ(ErrorOf(first, 4 * kMB), "");
    EXPECT_NE(ErrorOf(second, 1), "");
  }
  EXPECT_EQ(ErrorOf(second, 4 * kMB), "");  // who has gone wants nothing
}

TEST(AdmissionTest, AModelMayBeGivenLessThanThereIs) {
  Admission admission([] { return MemoryRoom{100 * kMB, "here"}; });
  MemoryClaim claim(admission, 5 * kMB);
  EXPECT_EQ(ErrorOf(claim, 6 * kMB),
            "needs 6.0 MB of memory for its weights, `load { memory }` allows 5.0 MB");
  EXPECT_EQ(ErrorOf(claim, 5 * kMB), "");
}

/// What a machine says of its memory, below a folder of its own.
class MemoryRoomTest : public ::testing::Test {
 protected:
  MemoryRoomTest() {
    std::string name = (std::filesystem::temp_directory_path() / "raceway-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    Write("proc/meminfo", "MemTotal: 4000 kB\nMemFree: 10 kB\nMemAvailable:    2000 kB\n");
  }
  ~MemoryRoomTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  std::string Room() {
    const MemoryRoom room = ReadMemoryRoom(folder_ / "proc", folder_ / "groups");
    return std::to_string(room.num_bytes) + " " + room.where;
  }

  std::filesystem::path folder_;
};

TEST_F(MemoryRoomTest, OfAMachineIsWhatIsAvailable) {
  EXPECT_EQ(Room(), "2048000 on this machine");
  Write("proc/self/cgroup", "0::/user.slice\n");
  EXPECT_EQ(Room(), "2048000 on this machine");
  Write("groups/user.slice/memory.max", "max\n");
  EXPECT_EQ(Room(), "2048000 on this machine");
}

TEST_F(MemoryRoomTest, OfAControlGroupIsWhatItHasLeft) {
  Write("proc/self/cgroup", "0::/user.slice/session\n");
  Write("groups/user.slice/session/memory.max", "1000000\n");
  Write("groups/user.slice/session/memory.current", "700000\n");
  Write("groups/user.slice/session/memory.stat",
        "anon 500000\nfile 200000\ninactive_file 150000\nactive_file 50000\n");
  EXPECT_EQ(Room(), "500000 in the control group /user.slice/session");
  Write("groups/user.slice/memory.max", "1200000\n");
  Write("groups/user.slice/memory.current", "1150000\n");
  EXPECT_EQ(Room(), "50000 in the control group /user.slice");
  Write("groups/user.slice/memory.current", "1250000\n");
  EXPECT_EQ(Room(), "0 in the control group /user.slice");
}

TEST_F(MemoryRoomTest, OfAnOldControlGroupToo) {
  Write("proc/self/cgroup", "12:cpu,cpuacct:/x\n9:memory:/docker/abc\n0::/\n");
  Write("groups/memory/docker/abc/memory.limit_in_bytes", "1000000\n");
  Write("groups/memory/docker/abc/memory.usage_in_bytes", "900000\n");
  Write("groups/memory/docker/abc/memory.stat",
        "inactive_file 1\ntotal_inactive_file 100000\ntotal_active_file 200000\n");
  Write("groups/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Room(), "400000 in the control group /docker/abc");
}

TEST_F(MemoryRoomTest, OfAContainerIsThatOfTheGroupItSees) {
  Write("proc/self/cgroup", "0::/as/it/is/called/outside\n");
  Write("groups/memory.max", "1000000\n");
  Write("groups/memory.current", "100000\n");
  EXPECT_EQ(Room(), "900000 in the control group /");
}

TEST(ThisMemoryRoomTest, IsNotEmpty) {
  const MemoryRoom room = ReadMemoryRoom();
  EXPECT_GT(room.num_bytes, kMB);
  EXPECT_LT(room.num_bytes, uint64_t{1} << 50);
}

}  // namespace
}  // namespace raceway::engine::load
