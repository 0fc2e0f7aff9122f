#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <algorithm>
#include <cstdlib>

#include "engine/load/aoti_source.h"
#include "engine/load/measure_limit.h"
#include "engine/load/process_scheduler.h"
#include "engine/load/strategies/strategy.h"
#include "engine/load/torch_library.h"
#include "tests/engine/load/files.h"
#include "tests/engine/load/strategies/cold_models.h"

namespace raceway::engine::load {
namespace {

using testing::AnswerOf;
using testing::EventLog;
using testing::FlipBit;
using ::testing::HasSubstr;
using testing::Packaged;
using testing::TemporaryFolder;
using namespace std::chrono_literals;

constexpr Strategy kOfPackages[] = {Strategy::kSequential, Strategy::kSequentialFast,
                                    Strategy::kRaceway};

class PackageStrategiesTest : public ::testing::Test {
 protected:
  PackageStrategiesTest() { setenv("XDG_CACHE_HOME", folder_.path().c_str(), /*overwrite=*/1); }

  /// Each time a copy of the input: code may write into it.
  static ColdRequest RequestOf(const std::filesystem::path& path, const at::Tensor& input) {
    return {.model = path, .is_package = true, .inputs = {input.clone()}};
  }
  static at::Tensor Answer(Strategy strategy, const ColdRequest& request) {
    return AnswerOf(strategy, request).value.toTensorVector().at(0);
  }

  static AotiPackage Read(const std::filesystem::path& path) {
    return *ReadAotiPackage(*Archive::Open(path));
  }
  static uint64_t BytesOfWeights(const std::filesystem::path& path) {
    uint64_t num_bytes = 0;
    for (const Storage& storage : Read(path).weights.storages) num_bytes += storage.extent.size;
    return num_bytes;
  }

  const TemporaryFolder folder_;
  const at::Tensor narrow_ = at::randn({5, 32});
  const at::Tensor wide_ = at::randn({5, 128});
};

TEST_F(PackageStrategiesTest, AllAnswerAlike) {
  ASSERT_TRUE(OpenTorchLibrary("libtorch.so").ok());
  const c10::InferenceMode inference;
  torch::inductor::AOTIModelPackageLoader stock(Packaged("inside.pt2").string());
  const at::Tensor expected = stock.run({narrow_}).at(0);
  for (const Strategy strategy : kOfPackages) {
    for (const char* const name : {"inside.pt2", "blob.pt2", "files.pt2"}) {
      EXPECT_TRUE(at::equal(Answer(strategy, RequestOf(Packaged(name), narrow_)), expected))
          << name;
    }
    for (const char* const name : {"layers.pt2", "folding.pt2", "doubling.pt2"}) {
      const at::Tensor plain = Answer(Strategy::kSequential, RequestOf(Packaged(name), wide_));
      EXPECT_TRUE(at::equal(Answer(strategy, RequestOf(Packaged(name), wide_)), plain)) << name;
    }
  }
}

TEST_F(PackageStrategiesTest, AnswerAlikeHoweverBytesAreReadAndChecked) {
  const at::Tensor expected =
      Answer(Strategy::kSequential, RequestOf(Packaged("inside.pt2"), narrow_));
  for (const char* const name : {"blob.pt2", "files.pt2"}) {
    for (const Verify verify : {Verify::kBeforePublish, Verify::kBeforeAnswer, Verify::kNever}) {
      ColdRequest request = RequestOf(Packaged(name), narrow_);
      request.verify = verify;
      request.use_page_cache = false;
      EXPECT_TRUE(at::equal(Answer(Strategy::kRaceway, request), expected)) << name;
    }
  }
}

TEST_F(PackageStrategiesTest, OthersSayWhyThereIsNone) {
  const ColdRequest request = RequestOf(Packaged("files.pt2"), narrow_);
  const auto error_of = [&](Strategy strategy) { return AnswerCold(strategy, request).error(); };
  for (const StrategyInfo& info : Strategies()) {
    if (std::count(std::begin(kOfPackages), std::end(kOfPackages), info.strategy) > 0) continue;
    EXPECT_EQ(error_of(info.strategy).code, ErrorCode::kUnsupported) << info.name;
    EXPECT_THAT(error_of(info.strategy).message, HasSubstr("`" + std::string(info.name) + "`"));
  }
  EXPECT_THAT(error_of(Strategy::kCicada).message, HasSubstr("shows no layers; packages have"));
  EXPECT_THAT(error_of(Strategy::kOptimus).message, HasSubstr("into a TorchScript module"));
}

TEST_F(PackageStrategiesTest, WhatGoesWrongIsSaid) {
  for (const Strategy strategy : kOfPackages) {
    const auto error_of = [&](const ColdRequest& request) {
      return AnswerCold(strategy, request).error().Text();
    };
    ColdRequest request = RequestOf(Packaged("files.pt2"), narrow_);
    request.method = "encode";
    EXPECT_THAT(error_of(request), HasSubstr("it has no `encode`"));
    request = RequestOf(Packaged("files.pt2"), narrow_);
    request.inputs = {3};
    EXPECT_THAT(error_of(request), HasSubstr("takes tensors and nothing else"));
    EXPECT_THAT(error_of(RequestOf(Packaged("bare.pt2"), wide_)), HasSubstr("has no weights with"));
    EXPECT_EQ(AnswerCold(strategy, RequestOf(folder_ / "none.pt2", wide_)).error().code,
              ErrorCode::kUnavailable);
  }
}

TEST_F(PackageStrategiesTest, ADamagedWeightIsAnErrorAndNoAnswer) {
  for (const char* const name : {"blob.pt2", "files.pt2"}) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::copy_file(Packaged(name), path);
    FlipBit(path, Read(path).weights.storages.front().extent.offset + 2);
    for (const Strategy strategy : {Strategy::kSequentialFast, Strategy::kRaceway}) {
      const Result<ColdAnswer> answer = AnswerCold(strategy, RequestOf(path, narrow_));
      ASSERT_FALSE(answer.ok()) << name;
      EXPECT_EQ(answer.error().code, ErrorCode::kFailed);
      EXPECT_THAT(answer.error().message, HasSubstr("checksum"));
    }
  }
}

TEST_F(PackageStrategiesTest, AllTellWhatTheyReadCheckAndRun) {
  const at::Tensor input = at::randn({5, 1024});
  const uint64_t num_bytes = BytesOfWeights(Packaged("wide.pt2"));
  ASSERT_GT(num_bytes, 16u << 20);
  for (const Strategy strategy : kOfPackages) {
    EventLog log;
    ColdRequest request = RequestOf(Packaged("wide.pt2"), input);
    request.disk = ThrottleOptions{.bytes_per_second = 200e6, .latency = 50us};
    request.on_event = log.sink();
    const ColdAnswer answer = AnswerOf(strategy, request);
    EXPECT_GE(answer.end - answer.begin, 83ms);  // 16 MiB
    EXPECT_GE(log.BytesOf(Lane::kRetrieve), num_bytes);
    ASSERT_FALSE(log.Of(Lane::kExecute).empty());
    if (strategy == Strategy::kSequential) continue;
    EXPECT_EQ(log.BytesOf(Lane::kVerify), num_bytes);
    EXPECT_EQ(log.Of(Lane::kScan).size(), 2u);
    EXPECT_EQ(log.Of(Lane::kApply).size(), 1u);
    EXPECT_EQ(log.Of(Lane::kWait).empty(), strategy == Strategy::kSequentialFast);
    for (const LoadEvent& run : log.Of(Lane::kExecute)) {
      for (const LoadEvent& wait : log.Of(Lane::kWait)) {
        EXPECT_TRUE(run.end <= wait.begin || wait.end <= run.begin);
      }
    }
  }
}

TEST_F(PackageStrategiesTest, ItsLimitIsTheLongerOfReadingAndComputing) {
  const std::filesystem::path path = Packaged("wide.pt2");
  const Result<LoadRates> rates = MeasureRates(ProcessScheduler(), path);
  ASSERT_TRUE(rates.ok());
  EXPECT_LT(rates->read, LoadRates::kFree);
  EXPECT_LT(rates->verify, LoadRates::kFree);
  const auto steps = MeasureUse(ProcessScheduler(), path, "forward", {at::randn({5, 1024})});
  ASSERT_TRUE(steps.ok()) << steps.error().Text();
  const LoadLimit slow = LimitOf(*steps, {.read = 1e6});
  EXPECT_EQ(slow.num_bytes, BytesOfWeights(path));
  EXPECT_EQ(slow.time, slow.reading);
  const LoadLimit fast = LimitOf(*steps, {.read = 1e18});
  EXPECT_EQ(fast.time, fast.computing);
  EXPECT_GT(fast.computing, 0ns);
}

}  // namespace
}  // namespace raceway::engine::load
