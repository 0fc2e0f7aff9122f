#include "engine/load/load_interest.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/turnstile.h"

namespace raceway::engine::load {
namespace {

using testing::EqualExtents;
using testing::Faults;
using testing::FaultyScheduler;
using testing::RandomFile;
using testing::Turnstile;
using namespace std::chrono_literals;

/// Two loads that are read chunk by chunk. The first is bulk, the second near.
class LoadInterestTest : public ::testing::Test {
 protected:
  LoadInterestTest() : now_(std::chrono::steady_clock::now()) {}
  ~LoadInterestTest() override { turnstile_.Open(); }

  std::shared_ptr<LoadJob> Start(const RandomFile& file, Urgency urgency, TimePoint deadline) {
    return LoadJob::Start(
               *scheduler_, {file.Open()}, EqualExtents(file, 4 * kBlock),
               {.urgency = urgency, .deadline = deadline, .plan = {.chunk_bytes = 4 * kBlock}})
        .value();
  }

  /// Which of the two is read next.
  std::string Next() {
    const std::string file = turnstile_.LetOne();
    return file == NameOf(bulk_file_) ? "bulk" : file == NameOf(near_file_) ? "near" : file;
  }
  static std::string NameOf(const RandomFile& file) {
    return std::filesystem::path(file.path()).filename();
  }

  void SetDeadline(CancelToken& token, std::chrono::nanoseconds after) const {
    token.SetDeadline(now_ + after, clock_);
  }

  const SteadyClock clock_;
  const TimePoint now_;
  const RandomFile bulk_file_{64 * kBlock, 1};
  const RandomFile near_file_{64 * kBlock, 2};
  Turnstile turnstile_;
  FaultyScheduler scheduler_{Faults{.intercept =
                                        [this](const ReadRequest& request) {
                                          turnstile_.Pass(request);
                                          return std::nullopt;
                                        }},
                             {.window = 1, .background_window = 1, .patience = 1h}};
  const std::shared_ptr<LoadJob> bulk_ = Start(bulk_file_, Urgency::kBulk, TimePoint::max());
  const std::shared_ptr<LoadJob> near_ = Start(near_file_, Urgency::kNear, now_ + 2h);
  LoadInterest interest_{
      Urgency::kBulk, TimePoint::max(),
      [this](Urgency urgency, TimePoint deadline) { bulk_->Reclass(urgency, deadline); }};
};

TEST_F(LoadInterestTest, ARequestRaisesItsLoadUntilItEnds) {
  CancelToken soon;
  SetDeadline(soon, 1h);
  EXPECT_EQ(Next(), "near");
  {
    const LoadInterest::Request request = interest_.Enter(soon);
    EXPECT_EQ(Next(), "bulk");
    EXPECT_EQ(Next(), "bulk");
  }
  EXPECT_EQ(Next(), "near");
  turnstile_.Open();
  EXPECT_TRUE(bulk_->WaitAll().ok());  // it goes on all the same, when its turn comes
}

TEST_F(LoadInterestTest, TheEarliestDeadlineCounts) {
  CancelToken late;
  CancelToken soon;
  CancelToken some_time;
  SetDeadline(late, 3h);
  SetDeadline(soon, 1h);
  const LoadInterest::Request third = interest_.Enter(late);
  const LoadInterest::Request fourth = interest_.Enter(some_time);
  EXPECT_EQ(Next(), "near");
  {
    const LoadInterest::Request first = interest_.Enter(soon);
    const LoadInterest::Request second = interest_.Enter(soon);
    EXPECT_EQ(Next(), "bulk");
  }
  EXPECT_EQ(Next(), "near");
}

TEST_F(LoadInterestTest, TheBestOfThoseWhoDeployedItCounts) {
  interest_.Raise(Urgency::kNear, now_);
  EXPECT_EQ(Next(), "bulk");
  interest_.Raise(Urgency::kBulk, TimePoint::max());
  CancelToken late;
  SetDeadline(late, 3h);
  { const LoadInterest::Request request = interest_.Enter(late); }
  EXPECT_EQ(Next(), "bulk");
}

}  // namespace
}  // namespace raceway::engine::load
