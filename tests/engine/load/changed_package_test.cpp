// Packages whose files change while they are loaded, or while their weights are exchanged: an
// error, or the answer of the file that was opened; never one of both.
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <thread>

#include "engine/load/safetensors_source.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/whole_packages.h"

namespace raceway::engine::load {
namespace {

using testing::BytesOf;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using testing::Packaged;
using testing::SmallReads;
using testing::TemporaryFolder;
using testing::TryAnswer;
using testing::TryPackage;
using testing::Verdict;
using testing::WriteBytes;
using namespace std::chrono_literals;

using Path = std::filesystem::path;

struct NamedTensor {
  Tensor tensor;
  std::string bytes;  // f32
};

std::vector<NamedTensor> TensorsOf(const Path& safetensors) {
  const WeightMap map = ReadSafetensors(safetensors).value();
  const std::string bytes = BytesOf(safetensors);
  std::vector<NamedTensor> tensors;
  for (const Tensor& tensor : map.tensors) {
    const Extent& extent = map.storages[tensor.storage].extent;
    tensors.push_back({tensor, bytes.substr(extent.offset, extent.size)});
  }
  return tensors;
}

/// Halves, in the opposite order: of each file the directory is wrong for the other.
std::vector<NamedTensor> Others(std::vector<NamedTensor> tensors) {
  std::reverse(tensors.begin(), tensors.end());
  for (NamedTensor& named : tensors) {
    for (size_t at = 0; at < named.bytes.size(); at += sizeof(float)) {
      const auto half = testing::NumberAt<float>(named.bytes, at) / 2;
      std::memcpy(named.bytes.data() + at, &half, sizeof half);
    }
  }
  return tensors;
}

void WriteSafetensors(const Path& path, const std::vector<NamedTensor>& tensors) {
  std::string header = "{";
  std::string data;
  for (const NamedTensor& named : tensors) {
    std::string shape;
    for (const int64_t size : named.tensor.sizes) {
      shape += (shape.empty() ? "" : ",") + std::to_string(size);
    }
    header += (data.empty() ? "\"" : ",\"") + named.tensor.name + R"(":{"dtype":"F32","shape":[)" +
              shape + R"(],"data_offsets":[)" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + named.bytes.size()) + "]}";
    data += named.bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that f32 are where they may be
  const uint64_t length = header.size();
  WriteBytes(path,
             std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data);
}

/// Other bytes in the same file.
void WriteInto(const Path& path, const std::string& bytes) {
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Where the weights of a package are, of which one file changes.
enum class Kind { kInPackage, kInSafetensors, kInShards, kInExport };

class ChangedPackageTest : public ::testing::TestWithParam<Kind> {
 protected:
  ChangedPackageTest() {
    const std::vector<NamedTensor> all = TensorsOf(Packaged("layers.safetensors"));
    switch (GetParam()) {
      case Kind::kInPackage:
        Copy("layers.pt2", package_);
        Copy("doubling.pt2", other_);
        changes_ = package_;
        break;
      case Kind::kInSafetensors:
        WriteSafetensors(folder_ / "w", all);
        WriteSafetensors(other_, Others(all));
        changes_ = weights_ = folder_ / "w";
        break;
      case Kind::kInShards: WriteShards(all); break;
      case Kind::kInExport:
        Copy("layers-exported.pt2", folder_ / "w");
        WriteSafetensors(other_, Others(all));
        changes_ = weights_ = folder_ / "w";
    }
    if (!weights_.empty()) Copy("bare.pt2", package_);
    Age();
    expected_ = TryPackage(*plain_, package_, weights_, input_, Options()).value();
  }

  static void Copy(const char* name, const Path& to) {
    std::filesystem::copy_file(Packaged(name), to);
  }
  /// Two of them, the first of which changes.
  void WriteShards(const std::vector<NamedTensor>& all) {
    const std::vector<NamedTensor> first(all.begin(), all.begin() + 4);
    const std::vector<NamedTensor> second(all.begin() + 4, all.end());
    changes_ = folder_ / "1";
    weights_ = folder_ / "index.json";
    WriteSafetensors(changes_, first);
    WriteSafetensors(other_, Others(first));
    WriteSafetensors(folder_ / "2", second);
    std::string index;
    for (size_t i = 0; i < all.size(); ++i) {
      index += (i == 0 ? "\"" : ",\"") + all[i].tensor.name + "\":\"" + (i < 4 ? "1" : "2") + "\"";
    }
    WriteBytes(weights_, R"({"metadata":{},"weight_map":{)" + index + "}}");
  }
  /// Whoever writes into the file from now on does so at another time.
  void Age() const {
    std::filesystem::last_write_time(changes_, std::filesystem::file_time_type::clock::now() - 1h);
  }

  PackageOptions Options() { return SmallReads(folder_); }
  /// What a request sees for whom `happens` takes place when the load has looked into all files.
  std::string VerdictIfOnceLookedAt(const std::function<void()>& happens) {
    PackageOptions options = Options();
    options.load.on_event = [&](const LoadEvent& event) {
      if (event.lane == Lane::kScan && event.name == "archive") happens();
    };
    return Verdict(TryPackage(*plain_, package_, weights_, input_, options), expected_);
  }
  /// The same before the `at`th read of weights.
  std::string VerdictIfAtRead(int at, const std::function<void()>& happens) {
    std::atomic<int> num_reads = 0;
    FaultyScheduler scheduler({.intercept =
                                   [&](const ReadRequest&) {
                                     if (++num_reads == at) happens();
                                     return std::nullopt;
                                   }},
                              {.window = 2});
    std::string verdict =
        Verdict(TryPackage(*scheduler, package_, weights_, input_, Options()), expected_);
    EXPECT_GE(num_reads, at);
    return verdict;
  }

  TemporaryFolder folder_;
  const Path package_ = folder_ / "p.pt2";
  const Path other_ = folder_ / "other";
  Path weights_;  // empty: in the package
  Path changes_;  // one of these, or a shard
  const at::Tensor input_ = at::randn({5, 128});
  FaultyScheduler plain_{{}};
  at::Tensor expected_;
};

TEST_P(ChangedPackageTest, ReplacedWhenItWasLookedAtIsHarmless) {
  EXPECT_EQ(VerdictIfOnceLookedAt([&] { std::filesystem::rename(other_, changes_); }), "right");
}

TEST_P(ChangedPackageTest, RewrittenWhenItWasLookedAtIsAnError) {
  EXPECT_THAT(VerdictIfOnceLookedAt([&] { WriteInto(changes_, BytesOf(other_)); }),
              HasSubstr("failed: " + changes_.string()));
}

TEST_P(ChangedPackageTest, RewrittenWhileItIsReadIsAnError) {
  const std::string written = BytesOf(changes_);
  for (const int at : {1, 2, 10, 20}) {
    WriteBytes(changes_, written);
    Age();
    EXPECT_THAT(VerdictIfAtRead(at, [&] { WriteInto(changes_, BytesOf(other_)); }),
                HasSubstr("failed: " + changes_.string()))
        << at;
  }
}

TEST_P(ChangedPackageTest, TruncatedIsAnError) {
  const std::string written = BytesOf(changes_);
  for (const off_t length : {0, 4096, 100'000}) {
    WriteBytes(changes_, written);
    Age();
    EXPECT_THAT(VerdictIfAtRead(10, [&] { ASSERT_EQ(truncate(changes_.c_str(), length), 0); }),
                HasSubstr("failed: " + changes_.string()));
  }
}

TEST_P(ChangedPackageTest, ReplacedOrRemovedWhileItIsReadIsHarmless) {
  EXPECT_EQ(VerdictIfAtRead(10, [&] { std::filesystem::rename(other_, changes_); }), "right");
  expected_ = TryPackage(*plain_, package_, weights_, input_, Options()).value();
  EXPECT_EQ(VerdictIfAtRead(10, [&] { std::filesystem::remove(changes_); }), "right");
}

std::string NameOfKind(const ::testing::TestParamInfo<Kind>& info) {
  constexpr const char* kNames[] = {"InPackage", "InSafetensors", "InShards", "InExport"};
  return kNames[static_cast<size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Weights, ChangedPackageTest,
                         ::testing::Values(Kind::kInPackage, Kind::kInSafetensors, Kind::kInShards,
                                           Kind::kInExport),
                         &NameOfKind);

/// The same of weights that come instead of others.
class ChangedExchangeTest : public ChangedPackageTest {};

TEST_P(ChangedExchangeTest, RewrittenItIsAnErrorAndTheOldOnesStay) {
  std::atomic<int> num_reads = -1'000'000;
  FaultyScheduler scheduler({.intercept =
                                 [&](const ReadRequest&) {
                                   if (++num_reads == 10) WriteInto(changes_, BytesOf(other_));
                                   return std::nullopt;
                                 }},
                            {.window = 2});
  const auto package = StreamedPackage::Load(*scheduler, package_, weights_, Options()).value();
  ASSERT_TRUE(package->WaitAll().ok());
  num_reads = 0;
  const Status exchanged = package->Exchange(weights_);
  ASSERT_FALSE(exchanged.ok());
  EXPECT_THAT(exchanged.error().Text(), HasSubstr(changes_.string()));
  EXPECT_EQ(Verdict(TryAnswer(*package, input_), expected_), "right");
}

TEST_P(ChangedExchangeTest, ReplacedAgainAndAgainItIsOneOrTheOther) {
  const Path first = folder_ / "first";
  const auto show = [&](const Path& file) {
    std::filesystem::create_hard_link(file, folder_ / "new");
    std::filesystem::rename(folder_ / "new", changes_);
  };
  std::filesystem::create_hard_link(changes_, first);
  show(other_);
  const at::Tensor others = TryPackage(*plain_, package_, weights_, input_, Options()).value();
  const auto package = StreamedPackage::Load(*plain_, package_, weights_, Options()).value();
  const std::jthread replacer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      show(i % 2 == 0 ? first : other_);
      std::this_thread::sleep_for(50us);
    }
  });
  for (int i = 0; i < 100; ++i) {
    const Status exchanged = package->Exchange(weights_);
    ASSERT_TRUE(exchanged.ok()) << exchanged.error().Text();
    const Result<at::Tensor> answer = TryAnswer(*package, input_);
    ASSERT_TRUE(Verdict(answer, expected_) == "right" || Verdict(answer, others) == "right")
        << Verdict(answer, expected_);
  }
}

INSTANTIATE_TEST_SUITE_P(Weights, ChangedExchangeTest,
                         ::testing::Values(Kind::kInSafetensors, Kind::kInShards, Kind::kInExport),
                         &NameOfKind);

}  // namespace
}  // namespace raceway::engine::load
