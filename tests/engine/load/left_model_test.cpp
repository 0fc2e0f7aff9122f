// Models that are left: while they load, while they run, when they are done. Nobody gets a wrong
// answer, and nothing is left behind. What sanitizers say counts as well.
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <random>
#include <thread>

#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/soak.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::Answer;
using testing::Barrier;
using testing::CallModel;
using testing::FaultyScheduler;
using testing::HeldBy;
using testing::InChunksOf;
using testing::IsSame;
using testing::LayersTest;
using testing::LoadModel;
using testing::TryAnswer;
using testing::TryModel;
using testing::Verdict;
using namespace std::chrono_literals;

class LeftModelTest : public LayersTest {
 protected:
  LeftModelTest() : LayersTest(20) {}
  static LoadOptions SmallChunks() { return InChunksOf(8192); }

  std::mt19937_64 random_{15};
};

TEST_F(LeftModelTest, CancelledAtAnyPointARequestIsRightOrCancelled) {
  int num_cancelled = 0;
  for (int round = 0; round < 100; ++round) {
    FaultyScheduler scheduler({.seed = random_(), .short_reads = 10, .delay = 300us});
    const auto streamed = LoadModel(*scheduler, path_, SmallChunks());
    CancelToken cancel;
    std::string verdict;
    std::jthread request(
        [&] { verdict = Verdict(TryAnswer(*streamed, input_, cancel), expected_); });
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 8000));
    const bool is_the_load = round % 2 == 0;
    if (is_the_load) {
      streamed->job().Cancel();
    } else {
      cancel.Cancel();
    }
    request.join();
    if (verdict != "right") {
      ++num_cancelled;
      EXPECT_THAT(verdict, ::testing::StartsWith("cancelled: "));
    }
    // The request that was cancelled ends alone; the load that was, ends for all.
    if (!is_the_load) {
      EXPECT_TRUE(IsSame(Answer(*streamed, input_), expected_));
    }
    if (round % 10 == 0) {
      EXPECT_EQ(Verdict(TryModel(*scheduler, path_, input_), expected_), "right");
    }
  }
  EXPECT_GT(num_cancelled, 10);
  EXPECT_LT(num_cancelled, 100);
}

TEST_F(LeftModelTest, ARequestThatIsLateStops) {
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = LoadModel(*scheduler, path_);
  const SteadyClock clock;
  CancelToken late;
  late.SetDeadline(clock.Now() + 5ms, clock);
  EXPECT_THAT(Verdict(TryAnswer(*streamed, input_, late), expected_),
              ::testing::StartsWith("deadline exceeded"));
  barrier.Open();
  EXPECT_TRUE(IsSame(Answer(*streamed, input_), expected_));
}

TEST_F(LeftModelTest, WhoRunsAModelThatIsGoneKeepsIt) {
  for (int round = 0; round < 30; ++round) {
    FaultyScheduler scheduler({.seed = random_(), .delay = 300us});
    auto streamed = LoadModel(*scheduler, path_, SmallChunks());
    std::jthread request(
        [this, held = streamed] { EXPECT_TRUE(IsSame(Answer(*held, input_), expected_)); });
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
    streamed.reset();
  }
}

// Its tensors do not need the load, nor does memory go from under what is in flight.
TEST_F(LeftModelTest, AModelThatGoesWithReadsInFlightLeavesItsTensors) {
  for (int round = 0; round < 30; ++round) {
    FaultyScheduler scheduler({.seed = random_(), .delay = 300us});
    auto streamed = LoadModel(*scheduler, path_, SmallChunks());
    torch::jit::Module module = streamed->module();
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
    const bool is_complete = round % 2 == 0 && streamed->WaitAll().ok();
    streamed.reset();
    EXPECT_EQ(module.parameters().size(), 20U);
    if (is_complete) {
      EXPECT_TRUE(IsSame(CallModel(module, input_), expected_));
    }
  }
}

uint64_t KeysOfThread() { return c10::impl::tls_local_dispatch_key_set().included_.raw_repr(); }

TEST_F(LeftModelTest, AGateIsThereWhileWeightsComeAndNotAfterwards) {
  const int64_t own = KeysOfThread();
  int64_t inside = 0;
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  const auto streamed = LoadModel(*scheduler, path_);
  streamed->Run(CancelToken(), [&] { return inside = KeysOfThread(); });
  EXPECT_NE(inside, own);
  EXPECT_EQ(KeysOfThread(), own);
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_FALSE(TryAnswer(*streamed, input_, cancel).ok());
  EXPECT_EQ(KeysOfThread(), own) << "after an exception";
  barrier.Open();
  EXPECT_TRUE(IsSame(Answer(*streamed, input_), expected_));  // its last weight ends it
  EXPECT_EQ(KeysOfThread(), own);
  streamed->Run(CancelToken(), [&] { return inside = KeysOfThread(); });
  EXPECT_EQ(inside, own);
}

class LoadSoakTest : public LeftModelTest {
 protected:
  /// A life of a model: it answers, fails, is cancelled or left, now and then before it is read,
  /// wherever its weights stay.
  void OneLife(ReadScheduler& scheduler, int life) {
    constexpr MemoryMode kModes[] = {MemoryMode::kKeep, MemoryMode::kStream, MemoryMode::kShared};
    const auto streamed = LoadModel(scheduler, path_, SmallChunks(), kModes[life % 3]);
    CancelToken cancel;
    switch (life % 5) {
      case 0: EXPECT_TRUE(IsSame(Answer(*streamed, input_), expected_)); break;
      case 1: EXPECT_TRUE(streamed->WaitAll().ok()); break;
      case 2: break;
      case 3:
        streamed->job().Cancel();
        EXPECT_NE(Verdict(TryAnswer(*streamed, input_), expected_), "wrong");
        break;
      default:
        cancel.Cancel();
        EXPECT_NE(Verdict(TryAnswer(*streamed, input_, cancel), expected_), "wrong");
    }
  }
};

TEST_F(LoadSoakTest, LivesOfModelsAreAlike) {
  // A load that kept its weights would keep 320 KiB.
  testing::ExpectLivesAreAlike(
      [this](ReadScheduler& scheduler, int life) { OneLife(scheduler, life); }, 4 << 20);
}

}  // namespace
}  // namespace raceway::engine::load
