// Whole models on disks that fail, machines that refuse, and files that the page cache has in part:
// another way of reading, or an error with its place.
#include <ATen/ops/randn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <thread>

#include "engine/load/cache_state.h"
#include "engine/load/chunk_reader.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/refusals.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::Answer;
using ::testing::ElementsAre;
using testing::ExtentOf;
using testing::Faults;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using testing::InChunksOf;
using testing::Inputs;
using testing::LayersTest;
using testing::MakeFaultReader;
using testing::SaveLayers;
using testing::StockAnswer;
using testing::TemporaryFolder;
using testing::TryModel;
using testing::Verdict;

class ModelReadsTest : public LayersTest {
 protected:
  ModelReadsTest() : LayersTest(40) {}
  static LoadOptions SmallChunks() { return InChunksOf(16384); }
};

TEST_F(ModelReadsTest, GetsOverReadsThatFailNowAndThen) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    FaultyScheduler scheduler(
        Faults{.seed = seed, .short_reads = 30, .interruptions = 20, .io_errors = 5});
    EXPECT_EQ(Verdict(TryModel(*scheduler, path_, input_, SmallChunks()), expected_), "right")
        << seed;
  }
}

TEST_F(ModelReadsTest, SaysWhereTheDiskCannotBeRead) {
  const Extent lost = ExtentOf(path_, "w20");
  FaultyScheduler scheduler(
      Faults{.intercept = [&](const ReadRequest& request) -> std::optional<int64_t> {
        const bool is_lost =
            request.offset < lost.offset + lost.size && lost.offset < request.offset + request.size;
        return is_lost ? std::optional<int64_t>(-EIO) : std::nullopt;
      }});
  const Result<c10::IValue> answer = TryModel(*scheduler, path_, input_, SmallChunks());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kFailed);
  EXPECT_THAT(answer.error().message, HasSubstr(path_.string() + ": bytes "));
  EXPECT_THAT(answer.error().message, HasSubstr("Input/output error"));
}

TEST_F(ModelReadsTest, SaysThatTheStructureCannotBeRead) {
  std::thread([&] {
    testing::RefuseReads(EIO);
    FaultyScheduler scheduler({});
    const Result<c10::IValue> answer = TryModel(*scheduler, path_, input_);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(answer.error().message, HasSubstr(path_.string()));
    EXPECT_THAT(answer.error().message, HasSubstr("Input/output error"));
  }).join();
}

/// How a model was read, and with which notes.
struct Seen {
  std::mutex mutex;
  std::vector<std::string> notes;
  std::vector<LoadEvent> reads;

  LoadEventSink sink() {
    return [this](const LoadEvent& event) {
      const std::lock_guard lock(mutex);
      if (event.lane == Lane::kRetrieve) reads.push_back(event);
    };
  }
  NoteSink note_sink() {
    return [this](std::string_view note) {
      const std::lock_guard lock(mutex);
      notes.emplace_back(note);
    };
  }
};

/// Loads a model on the readers of this machine, in a thread in which `refuse` comes first.
std::string VerdictWhere(const std::function<void()>& refuse, const std::filesystem::path& path,
                         const Inputs& input, const c10::IValue& expected, Seen& seen) {
  std::string verdict;
  std::thread([&] {
    refuse();
    const SteadyClock clock;
    ReadScheduler scheduler(MakeChunkReader(seen.note_sink()), {}, clock);
    LoadOptions options;
    options.use_page_cache = false;
    options.on_event = seen.sink();
    verdict = Verdict(TryModel(scheduler, path, input, options), expected);
  }).join();
  return verdict;
}

TEST_F(ModelReadsTest, DoesWithoutWhatIsRefused) {
  const std::string without_uring =
      "io_uring: Operation not permitted; weights are read by threads";
  Seen uring;
  EXPECT_EQ(VerdictWhere(&testing::RefuseUring, path_, input_, expected_, uring), "right");
  EXPECT_THAT(uring.notes, ElementsAre(without_uring));
  Seen direct;
  const auto refuse_direct = [] {
    testing::RefuseDirect();
    const TemporaryFolder folder;
    testing::WriteBytes(folder / "f", "x");
    EXPECT_FALSE(ModelFile::Open(folder / "f").value()->is_direct());
  };
  EXPECT_EQ(VerdictWhere(refuse_direct, path_, input_, expected_, direct), "right");
  const std::string without_direct =
      path_.string() + ": cannot be read past the page cache, is read through it";
  EXPECT_THAT(direct.notes, ElementsAre(without_direct));
  Seen both;
  const auto refuse_both = [&] {
    testing::RefuseUring();
    refuse_direct();
  };
  EXPECT_EQ(VerdictWhere(refuse_both, path_, input_, expected_, both), "right");
  EXPECT_THAT(both.notes, ElementsAre(without_uring, without_direct));
}

TEST_F(ModelReadsTest, DoesWithoutDirectReadsThatAreRefusedWhenTheyAreTried) {
  if (!ModelFile::Open(path_).value()->is_direct()) {
    GTEST_SKIP() << "files here cannot be read past the page cache";
  }
  Seen seen;
  const SteadyClock clock;
  ReadScheduler scheduler(
      std::make_unique<ChunkReader>(
          MakeFaultReader({.intercept = [](const ReadRequest&) { return -EINVAL; }}),
          MakeFaultReader({}), seen.note_sink()),
      {}, clock);
  LoadOptions options = SmallChunks();
  options.use_page_cache = false;
  EXPECT_EQ(Verdict(TryModel(scheduler, path_, input_, options), expected_), "right");
  EXPECT_THAT(seen.notes, ElementsAre(HasSubstr("cannot be read past the page cache")));
}

TEST_F(ModelReadsTest, LoadsFromMemory) {
  if (!std::filesystem::exists("/dev/shm")) GTEST_SKIP() << "no tmpfs";
  const std::filesystem::path path = "/dev/shm/raceway-load-" + std::to_string(::getpid()) + ".pt";
  std::filesystem::copy_file(path_, path);
  Seen seen;
  EXPECT_EQ(VerdictWhere([] {}, path, input_, expected_, seen), "right");
  std::filesystem::remove(path);
}

/// A model of four weights of 4 MiB, of which the page cache has what a test wants.
class CachedModelTest : public ModelReadsTest {
 protected:
  static constexpr int64_t kWide = 1024;

  bool Evict() const {
    const int fd = open(path_.c_str(), O_RDWR | O_CLOEXEC);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    const bool is_cold = !IsCached(fd, ExtentOf(path_, "w1").offset, 1 << 20);
    close(fd);
    return is_cold;
  }

  /// Into the page cache with a weight.
  void Cache(const std::string& weight) const {
    const Extent extent = ExtentOf(path_, weight);
    std::string bytes(extent.size, '\0');
    const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);  // reads nothing ahead
    EXPECT_EQ(pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(extent.offset)),
              static_cast<ssize_t>(bytes.size()));
    close(fd);
  }

  /// Loads it, and says for each weight whether it came out of the page cache: 'h'ot, 'c'old, or
  /// '?' for some of both. Its first and last chunk count for nothing: they hold bytes of others.
  std::string PathsOfWeights() {
    Seen seen;
    const SteadyClock clock;
    ReadScheduler scheduler(MakeChunkReader(), {}, clock);
    LoadOptions options;
    options.plan.chunk_bytes = 256 << 10;
    options.on_event = seen.sink();
    const auto streamed = testing::LoadModel(scheduler, path_, options);
    EXPECT_EQ(Verdict(Answer(*streamed, input_), expected_), "right");
    EXPECT_TRUE(streamed->WaitAll().ok());
    const std::lock_guard lock(seen.mutex);
    std::vector<bool> was_cached(seen.reads.size());
    for (const LoadEvent& read : seen.reads) {
      was_cached[static_cast<size_t>(read.chunk)] = read.was_cached;
    }
    std::string paths;
    for (size_t weight = 0; weight < 4; ++weight) {  // 16 chunks each
      const auto begin = was_cached.begin() + static_cast<ptrdiff_t>(16 * weight + 2);
      const auto num_hot = std::count(begin, begin + 12, true);
      paths += num_hot == 12 ? 'h' : num_hot == 0 ? 'c' : '?';
    }
    return paths;
  }

  const Inputs input_ = {at::randn({1, kWide})};
  const std::filesystem::path path_ = SaveLayers(folder_, 4, kWide);
  const c10::IValue expected_ = StockAnswer(path_, input_);
};

TEST_F(CachedModelTest, EachChunkComesFromWhereItIs) {
  EXPECT_EQ(PathsOfWeights(), "hhhh");  // just written
  if (!Evict()) GTEST_SKIP() << "files here cannot leave the page cache";
  EXPECT_EQ(PathsOfWeights(), "cccc");
  EXPECT_EQ(PathsOfWeights(), "cccc");  // who reads past the cache does not fill it
  std::string paths;
  for (int i = 0; i < 5 && paths != "chhc"; ++i) {  // the host may need the memory
    Cache("w1");
    Cache("w2");
    paths = PathsOfWeights();
  }
  EXPECT_EQ(paths, "chhc");
}

}  // namespace
}  // namespace raceway::engine::load
