#include "engine/load/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "engine/load/chunk_reader.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/refusals.h"

namespace raceway::engine::load {
namespace {

using ::testing::ElementsAre;
using testing::Faults;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeFaultReader;
using testing::RandomFile;

ReadRequest Request(const std::shared_ptr<ModelFile>& file, Arena& arena, uint64_t offset,
                    uint64_t size) {
  const uint64_t num_bytes = std::min(size, file->size() - offset);
  return {file.get(), offset, static_cast<uint32_t>(RoundUp(num_bytes)),
          static_cast<uint32_t>(num_bytes), arena.data() + offset};
}

struct Kind {
  const char* name;
  std::unique_ptr<Reader> (*make)();
};

std::unique_ptr<Reader> Uring() {
  Result<std::unique_ptr<Reader>> reader = MakeUringReader(2);
  return reader.ok() ? *std::move(reader) : nullptr;
}

class ReaderTest : public ::testing::TestWithParam<Kind> {
 protected:
  ReaderTest() : reader_(GetParam().make()), file_(3'000'001) {}

  void SetUp() override {
    if (reader_ == nullptr) GTEST_SKIP() << GetParam().name << " is not to be had here";
    open_ = file_.Open();
    if (!open_->is_direct()) GTEST_SKIP() << "files here cannot be read past the page cache";
    arena_ = Arena::Reserve(open_->size()).value();
  }

  bool IsAllThere() const {
    return std::equal(file_.bytes().begin(), file_.bytes().end(), arena_->data());
  }

  std::unique_ptr<Reader> reader_;
  const RandomFile file_;
  std::shared_ptr<ModelFile> open_;
  std::shared_ptr<Arena> arena_;
};

TEST_P(ReaderTest, ReadsAFileInPieces) {
  std::atomic<int64_t> num_bytes = 0;
  for (uint64_t at = 0; at < open_->size(); at += 2 * kBlock) {
    reader_->Submit(Request(open_, *arena_, at, 2 * kBlock),
                    [&](int64_t result) { num_bytes += result; });
  }
  reader_.reset();  // waits
  EXPECT_EQ(num_bytes, 3'000'001);
  EXPECT_TRUE(IsAllThere());
}

TEST_P(ReaderTest, TakesRequestsFromWhatIsDone) {
  std::promise<void> all;
  std::function<void(uint64_t)> read_from = [&](uint64_t at) {
    if (at >= open_->size()) return all.set_value();
    reader_->Submit(Request(open_, *arena_, at, 16 * kBlock),
                    [&, at](int64_t) { read_from(at + 16 * kBlock); });
  };
  read_from(0);
  all.get_future().wait();
  EXPECT_TRUE(IsAllThere());
}

TEST_P(ReaderTest, SaysWhatWentWrong) {
  std::promise<int64_t> result;
  reader_->Submit({open_.get(), 0, kBlock, kBlock, nullptr},
                  [&](int64_t error) { result.set_value(error); });
  EXPECT_EQ(result.get_future().get(), -EFAULT);
}

INSTANTIATE_TEST_SUITE_P(All, ReaderTest,
                         ::testing::Values(Kind{"io_uring", &Uring},
                                           Kind{"preadv", [] { return MakePreadReader(); }},
                                           Kind{"cached", [] { return MakeCachedReader(); }},
                                           Kind{"throttled",
                                                [] {
                                                  return MakeThrottledReader(
                                                      MakeCachedReader(),
                                                      {.bytes_per_second = 1e9});
                                                }}),
                         [](const auto& info) { return info.param.name; });

TEST(ThrottledReaderTest, IsAsFastAsItsDisk) {
  const RandomFile file(8 << 20);
  const std::shared_ptr<ModelFile> open = file.Open();
  const std::shared_ptr<Arena> arena = Arena::Reserve(open->size()).value();
  const auto reader = MakeThrottledReader(MakeCachedReader(), {.bytes_per_second = 100e6});
  const TimePoint begin = std::chrono::steady_clock::now();
  std::atomic<int> left = 64;
  std::promise<void> all;
  for (uint64_t at = 0; at < open->size(); at += 1 << 17) {
    reader->Submit(Request(open, *arena, at, 1 << 17), [&](int64_t) {
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().wait();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took.count(), 8.0 * (1 << 20) / 100e6);
  EXPECT_LT(took.count(), 2 * 8.0 * (1 << 20) / 100e6);  // other programs run as well
}

TEST(ThrottledReaderTest, ReadersOfOneDiskShareItsSpeed) {
  const RandomFile file(4 << 20);
  const std::shared_ptr<ModelFile> open = file.Open();
  const std::shared_ptr<Arena> arena = Arena::Reserve(open->size()).value();
  const auto throttle = std::make_shared<Throttle>(ThrottleOptions{.bytes_per_second = 50e6});
  const auto one = MakeThrottledReader(MakeCachedReader(), throttle);
  const auto other = MakeThrottledReader(MakePreadReader(), throttle);
  const TimePoint begin = std::chrono::steady_clock::now();
  std::promise<void> first;
  std::promise<void> second;
  one->Submit(Request(open, *arena, 0, 2 << 20), [&](int64_t) { first.set_value(); });
  other->Submit(Request(open, *arena, 2 << 20, 2 << 20), [&](int64_t) { second.set_value(); });
  first.get_future().wait();
  second.get_future().wait();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took.count(), 4.0 * (1 << 20) / 50e6);
}

Status ReadChunk(ChunkReader& reader, const ReadRequest& request, bool through_cache = false) {
  std::promise<Status> status;
  reader.Read(request, through_cache, [&](Status done) { status.set_value(std::move(done)); });
  return status.get_future().get();
}

TEST(ChunkReaderTest, DoesWithoutUringWhereItIsRefused) {
  std::vector<std::string> notes;
  std::thread([&] {
    testing::RefuseUring();
    const RandomFile file(100'000);
    const std::shared_ptr<ModelFile> open = file.Open();
    const std::shared_ptr<Arena> arena = Arena::Reserve(open->size()).value();
    const auto reader = MakeChunkReader([&](std::string_view note) { notes.emplace_back(note); });
    EXPECT_TRUE(ReadChunk(*reader, Request(open, *arena, 0, arena->size())).ok());
    EXPECT_TRUE(std::equal(file.bytes().begin(), file.bytes().end(), arena->data()));
  }).join();
  EXPECT_THAT(notes, ElementsAre("io_uring: Operation not permitted; weights are read by threads"));
}

/// Reads 64 KiB of a file that has 100,000 bytes.
class ChunkReaderFaultTest : public ::testing::Test {
 protected:
  Status Read(Faults faults, uint64_t offset = 0) {
    Faults none;
    ChunkReader reader(MakeFaultReader(std::move(faults)), MakeFaultReader(none),
                       [this](std::string_view note) { notes_.emplace_back(note); });
    Status status = ReadChunk(reader, Request(open_, *arena_, offset, 1 << 16));
    if (status.ok()) {
      EXPECT_TRUE(std::equal(arena_->data() + offset, arena_->data() + offset + (1 << 15),
                             file_.bytes().begin() + static_cast<ptrdiff_t>(offset)));
    }
    return status;
  }

  void SetUp() override {
    if (!open_->is_direct()) GTEST_SKIP() << "files here cannot be read past the page cache";
  }

  const RandomFile file_{100'000};
  const std::shared_ptr<ModelFile> open_ = file_.Open();
  const std::shared_ptr<Arena> arena_ = Arena::Reserve(open_->size()).value();
  std::vector<std::string> notes_;
};

/// Fails the first `count` reads.
Faults Failing(int count, int64_t result) {
  auto left = std::make_shared<std::atomic<int>>(count);
  return {.intercept = [left, result](const ReadRequest&) {
    return --*left >= 0 ? std::optional<int64_t>(result) : std::nullopt;
  }};
}

TEST_F(ChunkReaderFaultTest, AsksForTheRestOfAShortRead) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_TRUE(Read({.seed = seed, .short_reads = 70, .interruptions = 20}).ok());
  }
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(ChunkReaderFaultTest, TriesAgainButNotForEver) {
  EXPECT_TRUE(Read(Failing(3, -EIO)).ok());
  EXPECT_TRUE(Read(Failing(50, -EINTR)).ok());
  EXPECT_TRUE(Read(Failing(5000, -EAGAIN)).ok());
  EXPECT_THAT(Read(Failing(20'000, -EAGAIN)).error().message,
              HasSubstr("Resource temporarily unavailable"));
  const Status status = Read(Failing(4, -EIO), 8192);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kFailed);
  EXPECT_EQ(status.error().message, file_.path() + ": bytes 8192+65536: Input/output error");
  EXPECT_THAT(Read(Failing(4, 100)).error().message, HasSubstr("less than a block at a time"));
}

TEST_F(ChunkReaderFaultTest, SaysWhereAFileEndsTooEarly) {
  const Status status = Read(Failing(1, 0));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("bytes 0+65536: the file ends before them"));
}

TEST_F(ChunkReaderFaultTest, TakesThePageCacheWhereDirectReadsAreRefused) {
  EXPECT_TRUE(Read(Failing(1, -EINVAL)).ok());
  EXPECT_FALSE(open_->is_direct());
  EXPECT_TRUE(Read(Failing(1, -EINVAL)).ok());  // is not asked again
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("cannot be read past the page cache (Invalid")));
}

TEST(ModelFileTest, SaysWhyItCannotBeOpened) {
  EXPECT_THAT(ModelFile::Open("/no/such/file").error().message,
              HasSubstr("/no/such/file: No such file"));
  EXPECT_THAT(ModelFile::Open("/proc").error().message, HasSubstr("is a folder"));
  EXPECT_THAT(ModelFile::Open("/dev/null").error().message, HasSubstr("is not a file"));
}

TEST(ModelFileTest, IsReadThroughTheCacheWhereItMust) {
  const RandomFile file(100'000);
  const std::shared_ptr<ModelFile> open = file.Open(false);
  EXPECT_FALSE(open->is_direct());
  const std::shared_ptr<Arena> arena = Arena::Reserve(open->size()).value();
  std::vector<std::string> notes;
  const auto reader = MakeChunkReader([&](std::string_view note) { notes.emplace_back(note); });
  EXPECT_TRUE(ReadChunk(*reader, Request(open, *arena, 0, arena->size())).ok());
  EXPECT_TRUE(std::equal(file.bytes().begin(), file.bytes().end(), arena->data()));
  EXPECT_THAT(notes, ::testing::Not(::testing::Contains(HasSubstr(file.path()))));  // as was asked
}

}  // namespace
}  // namespace raceway::engine::load
