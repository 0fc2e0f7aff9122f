#include "engine/load/streamed_package.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <cerrno>
#include <thread>

#include "engine/gate.h"
#include "engine/load/admission.h"
#include "engine/load/memory_use.h"
#include "engine/load/page_faults.h"
#include "engine/load/safetensors_source.h"
#include "engine/load/torch_library.h"
#include "engine/load/weight_gate.h"
#include "tests/engine/load/archives.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/refusals.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::Barrier;
using testing::BytesOf;
using ::testing::ElementsAre;
using testing::Eventually;
using testing::Faults;
using testing::FaultyScheduler;
using testing::FlipBit;
using ::testing::HasSubstr;
using testing::HeldBy;
using testing::Packaged;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

using Path = std::filesystem::path;

/// By their names, in memory of their own.
std::unordered_map<std::string, at::Tensor> TensorsOf(const Path& safetensors) {
  const WeightMap map = *ReadSafetensors(safetensors);
  const std::string bytes = BytesOf(safetensors);
  std::unordered_map<std::string, at::Tensor> tensors;
  for (const Tensor& tensor : map.tensors) {
    at::Tensor made = at::empty(tensor.sizes);
    const Extent& extent = map.storages[tensor.storage].extent;
    std::memcpy(made.data_ptr(), bytes.data() + extent.offset, extent.size);
    tensors.emplace(tensor.name, made);
  }
  return tensors;
}

/// Of LibTorch's own loader, with weights from a file where the package has none that it finds.
at::Tensor StockAnswer(const Path& package, const at::Tensor& input, const Path& weights = {}) {
  EXPECT_TRUE(OpenTorchLibrary("libtorch.so").ok());
  const c10::InferenceMode inference;
  torch::inductor::AOTIModelPackageLoader loader(package.string());
  if (!weights.empty()) {
    auto tensors = TensorsOf(weights);
    loader.load_constants(tensors, /*use_inactive=*/false, /*check_full_update=*/true);
  }
  return loader.run({input}).at(0);
}

class StreamedPackageTest : public ::testing::Test {
 protected:
  PackageOptions Options() {
    PackageOptions options;
    options.load.plan.chunk_bytes = 4096;
    options.num_calls = 4;
    options.code_cache = folder_ / "code";
    options.on_note = [this](std::string_view note) { notes_.emplace_back(note); };
    return options;
  }

  std::shared_ptr<StreamedPackage> Load(FaultyScheduler& scheduler, const Path& path,
                                        const Path& weights = {}) {
    Result<std::shared_ptr<StreamedPackage>> package =
        StreamedPackage::Load(*scheduler, path, weights, Options());
    if (!package) throw std::runtime_error(package.error().Text());
    return *package;
  }

  std::shared_ptr<StreamedPackage> LoadStreaming(FaultyScheduler& scheduler, const Path& path) {
    PackageOptions options = Options();
    options.streams = true;
    return StreamedPackage::Load(*scheduler, path, {}, std::move(options)).value();
  }

  static at::Tensor Answer(StreamedPackage& package, const at::Tensor& input,
                           const CancelToken& cancel = CancelToken()) {
    const c10::InferenceMode inference;
    return package.Run({input}, cancel).at(0);
  }

  static std::string ErrorOf(StreamedPackage& package, const at::Tensor& input) {
    try {
      Answer(package, input);
      return {};
    } catch (const WeightMissing& missing) {
      return missing.error.Text();
    }
  }

  TemporaryFolder folder_;
  std::vector<std::string> notes_;
  uint64_t room_ = 0;
  const at::Tensor narrow_ = at::randn({5, 32});
  const at::Tensor wide_ = at::randn({5, 128});
  const Path safetensors_ = Packaged("layers.safetensors");
};

TEST_F(StreamedPackageTest, AnswersAsTheStockLoader) {
  const at::Tensor narrow = StockAnswer(Packaged("inside.pt2"), narrow_);
  const at::Tensor wide = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  struct Case {
    const char* package;
    const char* weights;
    const at::Tensor& input;
    const at::Tensor& expected;
  };
  int64_t num_faults = 0;
  for (const Case& of :
       {Case{"blob.pt2", "", narrow_, narrow}, Case{"files.pt2", "", narrow_, narrow},
        Case{"layers.pt2", "", wide_, wide}, Case{"bare.pt2", "layers.safetensors", wide_, wide},
        Case{"bare.pt2", "layers-exported.pt2", wide_, wide}}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      FaultyScheduler scheduler(
          Faults{.seed = seed, .short_reads = 20, .interruptions = 10, .delay = 1ms});
      const Path weights = *of.weights == '\0' ? Path() : Packaged(of.weights);
      const auto package = Load(scheduler, Packaged(of.package), weights);
      std::vector<std::jthread> callers;
      for (int i = 0; i < 2; ++i) {
        callers.emplace_back(
            [&] { EXPECT_TRUE(at::equal(Answer(*package, of.input), of.expected)) << of.package; });
      }
      callers.clear();
      num_faults += package->num_faults();
      EXPECT_TRUE(package->WaitAll().ok());
      EXPECT_TRUE(package->is_complete());
      EXPECT_TRUE(at::equal(Answer(*package, of.input), of.expected)) << of.package;
    }
  }
  EXPECT_GT(num_faults, 0);
  EXPECT_THAT(notes_, ::testing::IsEmpty());
}

TEST_F(StreamedPackageTest, LeavesWeightsInTheLibraryToTheStockLoader) {
  FaultyScheduler scheduler(Faults{});
  const auto package = StreamedPackage::Load(*scheduler, Packaged("inside.pt2"), {}, Options());
  ASSERT_FALSE(package.ok());
  EXPECT_EQ(package.error().code, ErrorCode::kUnsupported);
  const auto bare = StreamedPackage::Load(*scheduler, Packaged("bare.pt2"), {}, Options());
  EXPECT_THAT(bare.error().message, HasSubstr("has no weights with it"));
  const auto other = StreamedPackage::Load(*scheduler, Packaged("bare.pt2"),
                                           Archived("all.safetensors"), Options());
  EXPECT_THAT(other.error().message, HasSubstr("there is no weight `layers."));
}

TEST_F(StreamedPackageTest, ComputesWhileTheLastWeightIsNotThere) {
  const Result<Archive> archive = Archive::Open(Packaged("layers.pt2"));
  const WeightMap map = ReadAotiPackage(*archive)->weights;
  uint64_t last = 0;
  for (const Storage& storage : map.storages) last = std::max(last, storage.extent.offset);
  Barrier barrier;
  FaultyScheduler scheduler(
      Faults{.intercept = [&](const ReadRequest& request) -> std::optional<int64_t> {
        if (request.offset + request.size > last) barrier.Pass();
        return std::nullopt;
      }},
      {.window = 1});
  const auto package = Load(scheduler, Packaged("layers.pt2"));
  std::jthread caller([&] {
    EXPECT_TRUE(
        at::equal(Answer(*package, wide_), StockAnswer(Packaged("bare.pt2"), wide_, safetensors_)));
  });
  // All but the last are there, and the call has got as far as that.
  EXPECT_TRUE(Eventually([&] { return package->CountPending() <= 2; }));
  EXPECT_TRUE(Eventually([&] { return package->num_faults() > 0; }));
  EXPECT_FALSE(package->is_complete());
  barrier.Open();
}

TEST_F(StreamedPackageTest, AWeightThatIsDamagedEndsTheCall) {
  for (const char* name : {"layers.pt2", "blob.pt2"}) {
    const Path path = folder_ / name;
    std::filesystem::copy_file(Packaged(name), path);
    const WeightMap map = ReadAotiPackage(*Archive::Open(path))->weights;
    FlipBit(path, map.storages.back().extent.offset + 100);
    FaultyScheduler scheduler(Faults{.delay = 1ms});
    const auto package = Load(scheduler, path);
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(ErrorOf(*package, name[0] == 'b' ? narrow_ : wide_), HasSubstr("checksum is"));
    }
    EXPECT_FALSE(package->is_complete());
  }
}

TEST_F(StreamedPackageTest, NoAnswerIsGivenBeforeItsChecksumsAreRight) {
  const Path path = folder_ / "layers.pt2";
  std::filesystem::copy_file(Packaged("layers.pt2"), path);
  FlipBit(path, ReadAotiPackage(*Archive::Open(path))->weights.storages.back().extent.offset + 100);
  PackageOptions options = Options();
  options.load.verify = Verify::kBeforeAnswer;
  for (int round = 0; round < 10; ++round) {
    FaultyScheduler scheduler(Faults{.seed = static_cast<uint64_t>(round)});
    const auto package = StreamedPackage::Load(*scheduler, path, {}, options).value();
    if (round % 2 == 1) {
      EXPECT_FALSE(package->WaitAll().ok());
    }
    EXPECT_THAT(ErrorOf(*package, wide_), HasSubstr("checksum is"));
  }
}

TEST_F(StreamedPackageTest, WhoWaitsForAnInstanceCanBeStopped) {
  const at::Tensor expected = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  PackageOptions options = Options();
  options.num_calls = 1;
  const auto package =
      StreamedPackage::Load(*scheduler, Packaged("layers.pt2"), {}, options).value();
  std::jthread first([&] { EXPECT_TRUE(at::equal(Answer(*package, wide_), expected)); });
  EXPECT_TRUE(Eventually([&] { return package->num_faults() > 0; }));
  CancelToken cancel;
  std::jthread second([&] { EXPECT_THROW(Answer(*package, wide_, cancel), Stopped); });
  std::this_thread::sleep_for(10ms);
  cancel.Cancel();
  second.join();
  barrier.Open();
}

TEST_F(StreamedPackageTest, CallsThatComeTogetherAreAllAnswered) {
  for (const char* const name : {"folding.pt2", "layers.pt2"}) {
    const at::Tensor expected = StockAnswer(Packaged(name), wide_, safetensors_);
    for (int round = 0; round < 20; ++round) {
      FaultyScheduler scheduler(Faults{.delay = 1ms});
      PackageOptions options = Options();
      options.num_calls = 2;
      const auto package = StreamedPackage::Load(*scheduler, Packaged(name), {}, options).value();
      std::vector<std::jthread> callers(5);
      for (std::jthread& caller : callers) {
        caller = std::jthread(
            [&] { EXPECT_TRUE(at::equal(Answer(*package, wide_), expected)) << name; });
      }
    }
  }
}

TEST_F(StreamedPackageTest, WhoStopsDoesNotSpoilTheAnswersOfOthers) {
  const at::Tensor expected = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  for (int round = 0; round < 20; ++round) {
    Barrier barrier;
    FaultyScheduler scheduler(
        Faults{.intercept = [&](const ReadRequest& request) -> std::optional<int64_t> {
          if (request.offset > static_cast<uint64_t>(round) * 8192) barrier.Pass();
          return std::nullopt;
        }});
    const auto package = Load(scheduler, Packaged("layers.pt2"));
    CancelToken cancel;
    std::jthread stopped([&] { EXPECT_THROW(Answer(*package, wide_, cancel), Stopped); });
    std::jthread other([&] { EXPECT_TRUE(at::equal(Answer(*package, wide_), expected)); });
    EXPECT_TRUE(Eventually([&] { return package->num_faults() > 0; }));
    std::this_thread::sleep_for(std::chrono::microseconds(round * 100));
    cancel.Cancel();
    stopped.join();
    std::jthread later([&] { EXPECT_TRUE(at::equal(Answer(*package, wide_), expected)); });
    barrier.Open();
    other.join();
    later.join();
    EXPECT_TRUE(package->WaitAll().ok());
    EXPECT_TRUE(at::equal(Answer(*package, wide_), expected));
  }
}

TEST_F(StreamedPackageTest, ACallThatRunsAgainIsGivenWhatItWasGivenAtFirst) {
  const at::Tensor expected = StockAnswer(Packaged("doubling.pt2"), wide_.clone(), safetensors_);
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  PackageOptions options = Options();
  options.writes_inputs = true;
  const auto package =
      StreamedPackage::Load(*scheduler, Packaged("doubling.pt2"), {}, options).value();
  CancelToken cancel;
  std::jthread stopped([&] { EXPECT_THROW(Answer(*package, wide_.clone(), cancel), Stopped); });
  std::jthread other([&] { EXPECT_TRUE(at::equal(Answer(*package, wide_.clone()), expected)); });
  EXPECT_TRUE(Eventually([&] { return package->num_faults() > 1; }));
  cancel.Cancel();
  stopped.join();
  barrier.Open();
}

TEST_F(StreamedPackageTest, WaitsForAllWhereFaultsCannotBeHeld) {
  const at::Tensor expected = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  FaultyScheduler scheduler(Faults{.delay = 1ms});
  std::thread([&] {
    testing::RefuseUserfaultfd();
    const auto package = Load(scheduler, Packaged("layers.pt2"));
    EXPECT_TRUE(at::equal(Answer(*package, wide_), expected));
    EXPECT_TRUE(package->is_complete());
  }).join();
  EXPECT_THAT(notes_, ElementsAre("userfaultfd is refused: Operation not permitted; packages wait "
                                  "for all of their weights"));
}

TEST_F(StreamedPackageTest, FaultsAreHeldByAHandlerWhereTheHostAllowsIt) {
  const at::Tensor expected = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  Barrier barrier;
  FaultyScheduler scheduler(HeldBy(barrier));
  AllowSegvHandler();
  std::shared_ptr<StreamedPackage> package;
  std::thread([&] {
    testing::RefuseUserfaultfd();
    package = Load(scheduler, Packaged("layers.pt2"));
  }).join();
  AllowSegvHandler(false);
  std::jthread request([&] { EXPECT_TRUE(at::equal(Answer(*package, wide_), expected)); });
  EXPECT_TRUE(Eventually([&] { return package->num_faults() > 0; }));
  barrier.Open();
  request.join();
  EXPECT_THAT(notes_, ElementsAre());
}

TEST_F(StreamedPackageTest, WhatIsComputedOfWeightsAloneIsComputedOfAllOfThem) {
  const at::Tensor expected = StockAnswer(Packaged("folding.pt2"), wide_, safetensors_);
  const at::Tensor other =
      StockAnswer(Packaged("folding.pt2"), wide_, Packaged("other.safetensors"));
  FaultyScheduler scheduler(Faults{.delay = 2ms});
  const auto package = Load(scheduler, Packaged("folding.pt2"));
  EXPECT_TRUE(at::equal(Answer(*package, wide_), expected));
  EXPECT_EQ(package->num_faults(), 0);
  const Status exchanged = package->Exchange(Packaged("other.safetensors"));
  ASSERT_TRUE(exchanged.ok()) << exchanged.error().Text();
  EXPECT_TRUE(at::equal(Answer(*package, wide_), other));
}

TEST_F(StreamedPackageTest, AWeightThatIsHandedThroughOutlivesThePackage) {
  FaultyScheduler scheduler(Faults{.delay = 1ms});
  const c10::InferenceMode inference;
  auto package = Load(scheduler, Packaged("handing.pt2"));
  const std::vector<at::Tensor> early = package->Run({wide_}, CancelToken());
  ASSERT_TRUE(package->WaitAll().ok());
  const std::vector<at::Tensor> later = package->Run({wide_}, CancelToken());
  package.reset();
  const at::Tensor expected = TensorsOf(safetensors_).at("layers.0.weight");
  EXPECT_TRUE(at::equal(early.at(1), expected));
  EXPECT_TRUE(at::equal(later.at(1), expected));
}

TEST_F(StreamedPackageTest, WeightsAreExchangedUnderLoad) {
  const at::Tensor first = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  const at::Tensor second = StockAnswer(Packaged("bare.pt2"), wide_, Packaged("other.safetensors"));
  ASSERT_FALSE(at::equal(first, second));
  FaultyScheduler scheduler(Faults{.delay = 300us});
  const auto package = Load(scheduler, Packaged("layers.pt2"));
  std::atomic<bool> is_over = false;
  std::vector<std::jthread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      while (!is_over) {
        const at::Tensor answer = Answer(*package, wide_);
        EXPECT_TRUE(at::equal(answer, first) || at::equal(answer, second));
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const bool is_second = i % 2 == 0;
    const Status exchanged =
        package->Exchange(is_second ? Packaged("other.safetensors") : safetensors_);
    EXPECT_TRUE(exchanged.ok()) << exchanged.error().Text();
    EXPECT_TRUE(at::equal(Answer(*package, wide_), is_second ? second : first));
  }
  EXPECT_FALSE(package->Exchange(Archived("all.safetensors")).ok());
  EXPECT_TRUE(at::equal(Answer(*package, wide_), first)) << "the old ones stay";
  is_over = true;
}

TEST_F(StreamedPackageTest, WhatIsStreamedIsReadForEachCallAnew) {
  const at::Tensor narrow = StockAnswer(Packaged("inside.pt2"), narrow_);
  const at::Tensor wide = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  const at::Tensor folded = StockAnswer(Packaged("folding.pt2"), wide_, safetensors_);
  for (const auto& [name, expected] :
       {std::pair("blob.pt2", narrow), std::pair("files.pt2", narrow),
        std::pair("layers.pt2", wide), std::pair("folding.pt2", folded)}) {
    std::atomic<int64_t> num_reads = 0;
    FaultyScheduler scheduler(
        Faults{.delay = 1ms, .intercept = [&](const ReadRequest&) -> std::optional<int64_t> {
                 ++num_reads;
                 return std::nullopt;
               }});
    const auto package = LoadStreaming(scheduler, Packaged(name));
    EXPECT_EQ(num_reads, 0) << "nobody calls";
    for (int round = 0; round < 3; ++round) {
      num_reads = 0;
      std::vector<std::jthread> callers;
      for (int i = 0; i < 3; ++i) {
        const at::Tensor& input = expected.size(1) == 128 ? wide_ : narrow_;
        callers.emplace_back([&, &name = name, &expected = expected] {
          EXPECT_TRUE(at::equal(Answer(*package, input), expected)) << name;
        });
      }
      callers.clear();
      EXPECT_GT(num_reads, 0);
      EXPECT_EQ(package->CountPending(), 0);
      EXPECT_FALSE(package->is_complete());
      EXPECT_TRUE(package->WaitAll().ok());
    }
  }
}

TEST_F(StreamedPackageTest, WhatIsStreamedIsNotInMemoryBetweenCalls) {
  constexpr int64_t kWeights = 16 << 20;
  const auto resident = [] { return OwnMemoryUse()->resident; };
  const at::Tensor input = at::randn({5, 1024});
  FaultyScheduler scheduler(Faults{});
  at::Tensor expected;
  {
    const auto kept = Load(scheduler, Packaged("wide.pt2"));
    expected = Answer(*kept, input);  // and memory of LibTorch's own is there
    EXPECT_TRUE(kept->WaitAll().ok());
    const int64_t with = resident();
    const auto package = LoadStreaming(scheduler, Packaged("wide.pt2"));
    EXPECT_LT(resident() - with, kWeights / 4);
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::equal(Answer(*package, input), expected));
      EXPECT_TRUE(Eventually([&] { return resident() - with < kWeights / 4; }))
          << resident() - with << " bytes";
    }
  }
  const int64_t without = resident();
  const auto kept = Load(scheduler, Packaged("wide.pt2"));
  EXPECT_TRUE(kept->WaitAll().ok());
  EXPECT_GT(resident() - without, kWeights) << "what this test would see";
}

TEST_F(StreamedPackageTest, WhatIsStreamedIsReadAgainAfterAnErrorOrAStop) {
  const at::Tensor expected = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  std::atomic<bool> is_broken = true;
  FaultyScheduler scheduler(
      Faults{.delay = 1ms, .intercept = [&](const ReadRequest&) -> std::optional<int64_t> {
               if (is_broken) return -EIO;
               return std::nullopt;
             }});
  const auto package = LoadStreaming(scheduler, Packaged("layers.pt2"));
  EXPECT_THAT(ErrorOf(*package, wide_), HasSubstr("Input/output error"));
  is_broken = false;
  EXPECT_TRUE(at::equal(Answer(*package, wide_), expected));
  for (int i = 0; i < 20; ++i) {
    CancelToken cancel;
    std::jthread stopped([&] {
      try {
        EXPECT_TRUE(at::equal(Answer(*package, wide_, cancel), expected));
      } catch (const Stopped&) {
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(i * 200));
    cancel.Cancel();
    if (i % 2 == 0) stopped.join();
    EXPECT_TRUE(at::equal(Answer(*package, wide_), expected));
  }
}

TEST_F(StreamedPackageTest, WhatIsStreamedAsksForRoomEachTime) {
  Admission admission([this] { return MemoryRoom{room_, "in this test"}; });
  FaultyScheduler scheduler(Faults{});
  PackageOptions options = Options();
  options.streams = true;
  options.load.claim = std::make_shared<MemoryClaim>(admission);
  room_ = 1000;
  const auto refused = StreamedPackage::Load(*scheduler, Packaged("layers.pt2"), {}, options);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  room_ = 300'000;  // for once
  const auto package =
      StreamedPackage::Load(*scheduler, Packaged("layers.pt2"), {}, options).value();
  EXPECT_EQ(ErrorOf(*package, wide_), "");
  EXPECT_EQ(ErrorOf(*package, wide_), "");
  room_ = 1000;
  EXPECT_THAT(ErrorOf(*package, wide_), HasSubstr("needs 264.2 kB of memory"));
}

TEST_F(StreamedPackageTest, WhatIsStreamedIsExchangedAndWorksWhereFaultsCannotBeHeld) {
  const at::Tensor first = StockAnswer(Packaged("bare.pt2"), wide_, safetensors_);
  const at::Tensor second = StockAnswer(Packaged("bare.pt2"), wide_, Packaged("other.safetensors"));
  FaultyScheduler scheduler(Faults{.delay = 1ms});
  const auto exchange = [&] {
    const auto package = LoadStreaming(scheduler, Packaged("layers.pt2"));
    EXPECT_TRUE(at::equal(Answer(*package, wide_), first));
    EXPECT_TRUE(package->Exchange(Packaged("other.safetensors")).ok());
    EXPECT_TRUE(at::equal(Answer(*package, wide_), second));
    EXPECT_TRUE(at::equal(Answer(*package, wide_), second));
  };
  exchange();
  std::thread([&] {
    testing::RefuseUserfaultfd();
    exchange();
  }).join();
}

TEST_F(StreamedPackageTest, CodeIsUnpackedOnceAndNothingIsLeft) {
  const Path temporary = folder_ / "tmp";
  std::filesystem::create_directory(temporary);
  FaultyScheduler scheduler(Faults{});
  const auto load = [&] { EXPECT_TRUE(Load(scheduler, Packaged("layers.pt2"))->WaitAll().ok()); };
  const char* before = std::getenv("TMPDIR");
  const std::string old = before == nullptr ? "" : before;
  ::setenv("TMPDIR", temporary.c_str(), 1);
  load();
  std::vector<std::filesystem::file_time_type> written;
  int64_t num_files = 0;
  int64_t num_threads = 0;
  for (int i = 0; i < 20; ++i) {
    load();
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder_ / "code")) {
      if (file.path().extension() == ".so") written.push_back(file.last_write_time());
    }
    EXPECT_TRUE(std::filesystem::is_empty(temporary));
    if (i == 5) num_files = testing::CountInProc("fd");
    if (i == 5) num_threads = testing::CountInProc("task");
  }
  EXPECT_EQ(written, std::vector(20, written.front()));
  EXPECT_TRUE(testing::Eventually([&] { return testing::CountInProc("fd") <= num_files; }));
  EXPECT_LE(testing::CountInProc("task"), num_threads);
  old.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", old.c_str(), 1);
}

}  // namespace
}  // namespace raceway::engine::load
