// Packages that are left: while they load, while they run, when they are done. Nobody gets a wrong
// answer, and nothing is left behind. What sanitizers say counts as well.
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/soak.h"
#include "tests/engine/load/whole_packages.h"

namespace raceway::engine::load {
namespace {

using testing::CountInProc;
using testing::Eventually;
using testing::FaultyScheduler;
using testing::Packaged;
using testing::SmallReads;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using testing::TryAnswer;
using testing::TryPackage;
using testing::Verdict;
using namespace std::chrono_literals;

class LeftPackageTest : public ::testing::Test {
 protected:
  std::shared_ptr<StreamedPackage> Load(ReadScheduler& scheduler) {
    return StreamedPackage::Load(scheduler, path_, {}, SmallReads(folder_)).value();
  }
  at::Tensor Expected(const std::filesystem::path& weights) {
    FaultyScheduler scheduler({});
    return TryPackage(*scheduler, Packaged("bare.pt2"), weights, input_, SmallReads(folder_))
        .value();
  }
  std::string VerdictOf(StreamedPackage& package, const CancelToken& cancel = CancelToken()) {
    return Verdict(TryAnswer(package, input_, cancel), expected_);
  }

  TemporaryFolder folder_;
  const std::filesystem::path path_ = Packaged("layers.pt2");
  const at::Tensor input_ = at::randn({5, 128});
  const at::Tensor expected_ = Expected(Packaged("layers.safetensors"));
  std::mt19937_64 random_{15};
};

TEST_F(LeftPackageTest, CancelledAtAnyPointARequestIsRightOrCancelled) {
#if defined(__SANITIZE_THREAD__)
  constexpr int kSlower = 10;  // all but the waiting for the disk
#else
  constexpr int kSlower = 1;
#endif
  int num_cancelled = 0;
  for (int round = 0; round < 100; ++round) {
    FaultyScheduler scheduler({.seed = random_(), .short_reads = 10, .delay = kSlower * 300us});
    const auto package = Load(*scheduler);
    CancelToken cancel;
    std::string verdict;
    std::jthread request([&] { verdict = VerdictOf(*package, cancel); });
    std::this_thread::sleep_for(std::chrono::microseconds(kSlower * (random_() % 12'000)));
    cancel.Cancel();
    request.join();
    if (verdict != "right") {
      ++num_cancelled;
      EXPECT_THAT(verdict, StartsWith("cancelled: "));
    }
    EXPECT_EQ(VerdictOf(*package), "right");
  }
  EXPECT_GT(num_cancelled, 10);
  EXPECT_LT(num_cancelled, 100);
}

TEST_F(LeftPackageTest, WhoRunsAPackageThatIsGoneKeepsIt) {
  for (int round = 0; round < 30; ++round) {
    FaultyScheduler scheduler({.seed = random_(), .delay = 300us});
    auto package = Load(*scheduler);
    std::jthread request([this, held = package] { EXPECT_EQ(VerdictOf(*held), "right"); });
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
    package.reset();
  }
}

TEST_F(LeftPackageTest, APackageThatGoesWithReadsInFlightLeavesNothing) {
  FaultyScheduler scheduler({.seed = random_(), .delay = 1ms}, {.window = 4});
  const auto load_and_leave = [&](int after_us) {
    auto package = Load(*scheduler);
    std::this_thread::sleep_for(std::chrono::microseconds(after_us));
    const bool is_partly_there = package->CountPending() > 0;
    package.reset();
    EXPECT_TRUE(Eventually([&] { return (*scheduler).CountInFlight() == 0; }));
    return is_partly_there;
  };
  for (int i = 0; i < 5; ++i) load_and_leave(100);
  const int64_t files = CountInProc("fd");
  const int64_t threads = CountInProc("task");
  const int64_t maps = CountInProc("map_files");
  int num_partly = 0;
  for (int round = 0; round < 60; ++round) {
    num_partly += load_and_leave(static_cast<int>(random_() % 10'000)) ? 1 : 0;
  }
  EXPECT_GT(num_partly, 20);
  EXPECT_TRUE(Eventually([&] { return CountInProc("fd") <= files; })) << CountInProc("fd");
  EXPECT_LE(CountInProc("task"), threads);
  EXPECT_LE(CountInProc("map_files"), maps + 4);  // of the allocator
}

class PackageSoakTest : public LeftPackageTest {
 protected:
  /// A life of a package: it answers, gets other weights, is cancelled or left.
  void OneLife(ReadScheduler& scheduler, int life) {
    const auto package = Load(scheduler);
    CancelToken cancel;
    switch (life % 5) {
      case 0: EXPECT_EQ(VerdictOf(*package), "right"); break;
      case 1: EXPECT_TRUE(package->WaitAll().ok()); break;
      case 2: break;
      case 3:
        EXPECT_TRUE(package->Exchange(Packaged("other.safetensors")).ok());
        EXPECT_EQ(Verdict(TryAnswer(*package, input_), other_), "right");
        break;
      default: cancel.Cancel(); EXPECT_NE(VerdictOf(*package, cancel), "wrong");
    }
  }

  const at::Tensor other_ = Expected(Packaged("other.safetensors"));
};

TEST_F(PackageSoakTest, LivesOfPackagesAreAlike) {
  // A load that kept its weights would keep 258 KiB.
  testing::ExpectLivesAreAlike(
      [this](ReadScheduler& scheduler, int life) { OneLife(scheduler, life); }, 8 << 20);
}

}  // namespace
}  // namespace raceway::engine::load
