#include "engine/load/page_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/refusals.h"

namespace raceway::engine::load {
namespace {

using testing::Barrier;
using testing::CountInProc;
using testing::EqualExtents;
using testing::Eventually;
using testing::Faults;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using testing::IsReadable;
using testing::RandomExtents;
using testing::RandomFile;
using namespace std::chrono_literals;

const LoadOptions kOptions = {.plan = {.chunk_bytes = 2 * kBlock}};
const CancelToken kNever;

using MakeFaults = Result<std::unique_ptr<PageFaults>> (*)();

/// By each that holds who touches what is not there.
class PageGateTest : public ::testing::TestWithParam<MakeFaults> {
 protected:
  static std::shared_ptr<PageGate> Start(FaultyScheduler& scheduler, const RandomFile& file,
                                         const std::vector<Extent>& extents,
                                         LoadOptions options = kOptions) {
    return PageGate::Start(*scheduler, {file.Open()}, extents, *PageRoom::Reserve(extents),
                           GetParam()().value(), std::move(options))
        .value();
  }
};

const auto kBoth = ::testing::Values(&MakeKernelFaults, &MakeSignalFaults);
std::string NameOfFaults(const ::testing::TestParamInfo<MakeFaults>& info) {
  return info.index == 0 ? "Kernel" : "Signals";
}
INSTANTIATE_TEST_SUITE_P(All, PageGateTest, kBoth, NameOfFaults);

std::span<const std::byte> Seen(const PageGate& gate, const Extent& extent) {
  return {gate.data(extent.storage), extent.size};
}

/// As code reads that knows nothing of gates.
bool IsAsWritten(const PageGate& gate, const RandomFile& file, const Extent& extent) {
  const std::span<const std::byte> seen = Seen(gate, extent);
  return std::equal(seen.begin(), seen.end(), file.bytes(extent).begin());
}

bool IsZeros(const PageGate& gate, const Extent& extent) {
  const std::span<const std::byte> seen = Seen(gate, extent);
  return std::all_of(seen.begin(), seen.end(), [](std::byte byte) { return byte == std::byte{}; });
}

/// Reads of this place never succeed.
Faults FailsAt(uint64_t offset) {
  return {.intercept = [offset](const ReadRequest& request) -> std::optional<int64_t> {
    const bool is_there = request.offset <= offset && offset < request.offset + request.size;
    return is_there ? std::optional<int64_t>(-EIO) : std::nullopt;
  }};
}

Faults WaitsFor(Barrier& barrier, uint64_t from = 0) {
  return {.intercept = [&barrier, from](const ReadRequest& request) -> std::optional<int64_t> {
    if (request.offset >= from) barrier.Pass();
    return std::nullopt;
  }};
}

TEST_P(PageGateTest, WhoReadsSeesWhatIsWritten) {
  std::mt19937_64 random(1);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const RandomFile file(30'000 + random() % 300'000, seed);
    const std::vector<Extent> extents = RandomExtents(file, 40, random);
    FaultyScheduler scheduler({.seed = seed,
                               .short_reads = 20,
                               .interruptions = 10,
                               .delay = std::chrono::microseconds(seed % 4 * 100)});
    const auto gate = Start(scheduler, file, extents);
    std::vector<std::jthread> readers;
    for (int reader = 0; reader < 2; ++reader) {
      readers.emplace_back([&, order = extents, dice = random()]() mutable {
        std::shuffle(order.begin(), order.end(), std::mt19937_64(dice));
        const PageGate::Visit visit(*gate, kNever);
        for (const Extent& extent : order) {
          EXPECT_TRUE(IsAsWritten(*gate, file, extent)) << seed << ": " << extent.storage;
        }
        EXPECT_TRUE(!visit.is_let_in() || visit.saw_weights_only());
      });
    }
    readers.clear();
    EXPECT_TRUE(gate->WaitAll().ok());
    EXPECT_TRUE(gate->is_complete());
    for (const Extent& extent : extents) EXPECT_TRUE(IsAsWritten(*gate, file, extent));
  }
}

TEST_P(PageGateTest, WhatIsTouchedIsReadNext) {
  const RandomFile file(64 * 2 * kBlock);
  const std::vector<Extent> extents = EqualExtents(file, 2 * kBlock);
  Barrier barrier;
  std::mutex mutex;
  std::vector<uint64_t> order;
  FaultyScheduler scheduler(
      {.intercept = [&](const ReadRequest& request) -> std::optional<int64_t> {
        barrier.Pass();
        const std::lock_guard lock(mutex);
        order.push_back(request.offset / (2 * kBlock));
        return std::nullopt;
      }},
      {.window = 1});
  const auto gate = Start(scheduler, file, extents);
  std::jthread reader([&] { EXPECT_TRUE(IsAsWritten(*gate, file, extents[50])); });
  EXPECT_TRUE(Eventually([&] { return gate->num_faults() > 0; }));
  barrier.Open();
  reader.join();
  EXPECT_TRUE(gate->WaitAll().ok());
  EXPECT_EQ(std::vector<uint64_t>(order.begin(), order.begin() + 3),
            (std::vector<uint64_t>{0, 50, 1}));
  EXPECT_EQ(gate->num_faults(), 1) << "a storage that is there is let in without being touched";
}

TEST_P(PageGateTest, AStorageIsLetInThoughItsNeighbourInTheBlockIsNot) {
  const RandomFile file(10 * kBlock);
  const std::vector<Extent> extents = EqualExtents(file, 5 * kBlock + 1000);
  Barrier barrier;
  FaultyScheduler scheduler(WaitsFor(barrier, 6 * kBlock), {.window = 1});
  const auto gate = Start(scheduler, file, extents);
  EXPECT_TRUE(IsAsWritten(*gate, file, extents[0]));
  EXPECT_FALSE(IsReadable(gate->data(1)));  // the system itself is refused, not held
  barrier.Open();
  EXPECT_TRUE(IsAsWritten(*gate, file, extents[1]));
}

TEST_P(PageGateTest, WhoTouchesWhatFailedIsTold) {
  const RandomFile file(40 * kBlock);
  const std::vector<Extent> extents = EqualExtents(file, 10 * kBlock);
  FaultyScheduler scheduler(FailsAt(25 * kBlock));
  const auto gate = Start(scheduler, file, extents);
  {
    const PageGate::Visit visit(*gate, kNever);
    EXPECT_TRUE(IsAsWritten(*gate, file, extents[1]));
    EXPECT_TRUE(IsAsWritten(*gate, file, extents[3]));
    EXPECT_TRUE(visit.saw_weights_only()) << "who does not touch it does without it";
    EXPECT_TRUE(IsZeros(*gate, extents[2]));
    EXPECT_FALSE(visit.saw_weights_only());
  }
  EXPECT_FALSE(PageGate::Visit(*gate, kNever).is_let_in());
  EXPECT_THAT(gate->WaitAll().error().message, HasSubstr("Input/output error"));
  EXPECT_FALSE(gate->is_complete());
}

TEST_P(PageGateTest, WhoWaitsForWhatThenFailsIsTold) {
  const RandomFile file(40 * kBlock);
  std::vector<Extent> extents = EqualExtents(file, 10 * kBlock);
  file.FlipByte(25 * kBlock);
  FaultyScheduler scheduler({.delay = 2ms});
  const auto gate = Start(scheduler, file, extents);
  const PageGate::Visit visit(*gate, kNever);
  EXPECT_TRUE(IsZeros(*gate, extents[2])) << "nobody sees bytes that are not as they were written";
  EXPECT_FALSE(visit.saw_weights_only());
  EXPECT_THAT(gate->WaitAll().error().message, HasSubstr("the checksum is"));
}

TEST_P(PageGateTest, WhoIsToldDoesNotWaitForTheRest) {
  const RandomFile file(40 * kBlock);
  const std::vector<Extent> extents = EqualExtents(file, 10 * kBlock);
  Barrier barrier;
  FaultyScheduler scheduler(
      {.intercept = [&](const ReadRequest& request) -> std::optional<int64_t> {
        if (request.offset >= 30 * kBlock) barrier.Pass();
        return request.offset == 24 * kBlock ? std::optional<int64_t>(-EIO) : std::nullopt;
      }},
      {.window = 1});
  const auto gate = Start(scheduler, file, extents);
  const PageGate::Visit visit(*gate, kNever);
  EXPECT_TRUE(IsZeros(*gate, extents[2]));
  EXPECT_TRUE(IsZeros(*gate, extents[3]));
  EXPECT_FALSE(visit.saw_weights_only());
  barrier.Open();
}

TEST_P(PageGateTest, ACancelledLoadLetsGoWhoWaits) {
  const RandomFile file(40 * kBlock);
  Barrier barrier;
  FaultyScheduler scheduler(WaitsFor(barrier));
  const auto gate = Start(scheduler, file, EqualExtents(file, 10 * kBlock));
  std::jthread reader([&] {
    const PageGate::Visit visit(*gate, kNever);
    EXPECT_TRUE(IsZeros(*gate, EqualExtents(file, 10 * kBlock)[2]));
    EXPECT_FALSE(visit.saw_weights_only());
  });
  EXPECT_TRUE(Eventually([&] { return gate->num_faults() > 0; }));
  gate->job()->Cancel();
  reader.join();
  EXPECT_EQ(gate->WaitAll().error().code, ErrorCode::kCancelled);
  barrier.Open();
}

/// Two visitors wait, and one of them must stop.
class StoppedVisitTest : public PageGateTest {
 protected:
  void Run(CancelToken& stopped, const std::function<void()>& stop) {
    FaultyScheduler scheduler(WaitsFor(barrier_, 12 * kBlock), {.window = 1});
    const auto gate = Start(scheduler, file_, extents_);
    std::atomic<int> num_past_first = 0;
    std::vector<std::jthread> readers;
    for (const CancelToken* cancel : {&kNever, const_cast<const CancelToken*>(&stopped)}) {
      readers.emplace_back([this, &gate, &num_past_first, cancel] {
        const PageGate::Visit visit(*gate, *cancel);
        EXPECT_TRUE(IsAsWritten(*gate, file_, extents_[0]));
        ++num_past_first;
        EXPECT_TRUE(IsZeros(*gate, extents_[3]));
        EXPECT_FALSE(visit.saw_weights_only());
      });
    }
    EXPECT_TRUE(Eventually([&] { return num_past_first == 2; }));
    stop();
    readers.clear();  // the disk is still held up
    EXPECT_FALSE(PageGate::Visit(*gate, kNever).is_let_in());
    EXPECT_FALSE(gate->is_complete());
    EXPECT_FALSE(gate->WaitAll(&stopped).ok());
    barrier_.Open();
    EXPECT_TRUE(gate->WaitAll().ok());
    for (const Extent& extent : extents_) EXPECT_TRUE(IsAsWritten(*gate, file_, extent));
  }

  const RandomFile file_{40 * kBlock};
  const std::vector<Extent> extents_ = EqualExtents(file_, 10 * kBlock);
  Barrier barrier_;
};

TEST_P(StoppedVisitTest, IsReleasedWhenItIsCancelled) {
  CancelToken cancel;
  Run(cancel, [&] { cancel.Cancel(); });
}

TEST_P(StoppedVisitTest, IsReleasedAtItsDeadline) {
  const SteadyClock clock;
  CancelToken cancel;
  cancel.SetDeadline(clock.Now() + 300ms, clock);
  Run(cancel, [] {});
}

TEST_P(PageGateTest, CanBeLeftAtAnyPointAndLeavesNothing) {
  std::mt19937_64 random(1);
  const RandomFile file(100 * kBlock);
  FaultyScheduler scheduler({.short_reads = 10, .delay = 300us});
  int64_t num_files = 0;
  int64_t num_threads = 0;
  for (int round = 0; round < 300; ++round) {
    const std::vector<Extent> extents = RandomExtents(file, 40, random);
    auto gate = Start(scheduler, file, extents);
    EXPECT_TRUE(IsAsWritten(*gate, file, extents[static_cast<size_t>(round) % 40]));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4000));
    if (round % 3 == 0) {
      EXPECT_TRUE(gate->WaitAll().ok());
    }
    gate.reset();
    EXPECT_TRUE(Eventually([&] { return (*scheduler).CountInFlight() == 0; }));
    if (round == 50) {
      num_files = CountInProc("fd");
      num_threads = CountInProc("task");
    }
  }
  EXPECT_TRUE(Eventually([&] { return CountInProc("fd") <= num_files; }));
  EXPECT_EQ(CountInProc("task"), num_threads);
}

TEST_P(PageGateTest, OneAfterTheOtherHasTheSameAddressesAndNoMemoryBetween) {
  const RandomFile file(500'000);
  std::mt19937_64 random(3);
  const std::vector<Extent> extents = RandomExtents(file, 40, random);
  const std::shared_ptr<PageRoom> room = *PageRoom::Reserve(extents);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    FaultyScheduler scheduler(Faults{.seed = seed, .delay = 1ms});
    const auto gate =
        PageGate::Start(*scheduler, {file.Open()}, extents, room, GetParam()().value(), kOptions)
            .value();
    for (const Extent& extent : extents) {
      EXPECT_EQ(gate->data(extent.storage), room->place(extent.storage).begin);
      EXPECT_TRUE(IsAsWritten(*gate, file, extent));
    }
    EXPECT_GT(gate->num_faults(), 0);
  }
  for (const Extent& extent : extents) {
    if (extent.size == 0) continue;
    EXPECT_FALSE(IsReadable(room->place(extent.storage).begin));
  }
}

INSTANTIATE_TEST_SUITE_P(All, StoppedVisitTest, kBoth, NameOfFaults);

TEST(PageFaultsTest, SayWhereTheyAreRefused) {
  std::thread([] {
    testing::RefuseUserfaultfd();
    const auto faults = MakePageFaults();
    ASSERT_FALSE(faults.ok());
    EXPECT_EQ(faults.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(faults.error().message, "userfaultfd is refused: Operation not permitted");
  }).join();
}

TEST(PageFaultsTest, OnlyThoseWhoWereAskedForAreByHandler) {
  EXPECT_EXIT(
      {
        struct sigaction before = {};
        struct sigaction after = {};
        sigaction(SIGSEGV, nullptr, &before);
        testing::RefuseUserfaultfd();
        const bool refused = !MakePageFaults().ok();
        sigaction(SIGSEGV, nullptr, &after);
        const bool is_stock = before.sa_sigaction == after.sa_sigaction;
        AllowSegvHandler();
        const bool made = MakePageFaults().ok();
        sigaction(SIGSEGV, nullptr, &after);
        const bool is_ours = before.sa_sigaction != after.sa_sigaction;
        _exit(refused && is_stock && made && is_ours ? 7 : 8);
      },
      ::testing::ExitedWithCode(7), "");
}

/// An address that nobody watches.
void TouchNothing() {
  void* const pages =
      mmap(nullptr, kBlock, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  *static_cast<volatile char*>(pages) = 1;
}

TEST(PageFaultsDeathTest, OtherFaultsAreTheHosts) {
  const auto answers_itself = [] {
    struct sigaction host = {};
    host.sa_handler = [](int) { _exit(7); };
    sigaction(SIGSEGV, &host, nullptr);
    const auto faults = MakeSignalFaults();
    TouchNothing();
  };
  EXPECT_EXIT(answers_itself(), ::testing::ExitedWithCode(7), "");
  const auto ignores_it = [] {
    signal(SIGSEGV, SIG_IGN);
    const auto faults = MakeSignalFaults();
    raise(SIGSEGV);
    std::fputs("goes on", stderr);
    TouchNothing();  // which nobody can ignore
    _exit(8);
  };
  EXPECT_EXIT(ignores_it(), ::testing::KilledBySignal(SIGSEGV), "goes on");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have handlers
  const auto has_no_handler = [] {
    const auto faults = MakeSignalFaults();
    TouchNothing();
  };
  EXPECT_EXIT(has_no_handler(), ::testing::KilledBySignal(SIGSEGV), "");
  const auto is_sent = [] {
    const auto faults = MakeSignalFaults();
    raise(SIGSEGV);
    _exit(8);
  };
  EXPECT_EXIT(is_sent(), ::testing::KilledBySignal(SIGSEGV), "");
#endif
}

}  // namespace
}  // namespace raceway::engine::load
