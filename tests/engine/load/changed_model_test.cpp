// Whole models whose files change while they are loaded: an error, or the answer of the file that
// was opened; never one of both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::BytesOf;
using testing::FaultyScheduler;
using ::testing::HasSubstr;
using testing::InChunksOf;
using testing::LayersTest;
using testing::SaveLayers;
using testing::StockAnswer;
using testing::TemporaryFolder;
using testing::TryModel;
using testing::Verdict;
using testing::WriteBytes;

/// Other bytes in the same file.
void WriteInto(const std::filesystem::path& path, const std::string& bytes) {
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class ChangedModelTest : public LayersTest {
 protected:
  ChangedModelTest() : LayersTest(20) {}

  /// What a request sees for whom `happens` takes place before the `at`th read of the model.
  std::string VerdictIf(int at, const std::function<void()>& happens) {
    std::atomic<int> num_reads = 0;
    FaultyScheduler scheduler({.intercept =
                                   [&](const ReadRequest&) {
                                     if (++num_reads == at) happens();
                                     return std::nullopt;
                                   }},
                              {.window = 2});
    std::string verdict = Verdict(TryModel(*scheduler, path_, input_, InChunksOf(4096)), expected_);
    EXPECT_GE(num_reads, at);
    return verdict;
  }

  TemporaryFolder other_folder_;
  const std::filesystem::path other_ = SaveLayers(other_folder_, 20);
};

TEST_F(ChangedModelTest, RewrittenInPlaceIsAnError) {
  const std::string written = BytesOf(path_);
  for (const int at : {1, 2, 10, 40, 79}) {
    WriteBytes(path_, written);
    EXPECT_THAT(VerdictIf(at, [&] { WriteInto(path_, BytesOf(other_)); }),
                HasSubstr("failed: " + path_.string()))
        << at;
  }
}

TEST_F(ChangedModelTest, TruncatedIsAnError) {
  const std::string written = BytesOf(path_);
  for (const off_t length : {0, 4096, 100'000}) {
    WriteBytes(path_, written);
    EXPECT_THAT(VerdictIf(10, [&] { ASSERT_EQ(truncate(path_.c_str(), length), 0); }),
                HasSubstr("failed: " + path_.string()));
  }
}

TEST_F(ChangedModelTest, ReplacedByAnotherIsHarmless) {
  EXPECT_EQ(VerdictIf(10, [&] { std::filesystem::rename(other_, path_); }), "right");
}

TEST_F(ChangedModelTest, RemovedIsHarmless) {
  EXPECT_EQ(VerdictIf(10, [&] { std::filesystem::remove(path_); }), "right");
}

// At each moment one of both is there, and who loads gets one of both: not the directory of one and
// the weights of the other.
TEST_F(ChangedModelTest, ReplacedAgainAndAgainItIsOneOrTheOther) {
  const c10::IValue other_expected = StockAnswer(other_, input_);
  const std::filesystem::path first = folder_ / "first.pt";
  std::filesystem::rename(path_, first);
  std::filesystem::create_hard_link(first, path_);
  const std::jthread replacer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      std::filesystem::create_hard_link(i % 2 == 0 ? other_ : first, folder_ / "new.pt");
      std::filesystem::rename(folder_ / "new.pt", path_);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  FaultyScheduler scheduler({});
  for (int i = 0; i < 30; ++i) {
    const Result<c10::IValue> answer = TryModel(*scheduler, path_, input_);
    EXPECT_TRUE(Verdict(answer, expected_) == "right" || Verdict(answer, other_expected) == "right")
        << Verdict(answer, expected_);
  }
}

// The code is read from the file as well, while its weights are on their way.
TEST_F(ChangedModelTest, RewrittenByAnotherModelIsAnError) {
  testing::SaveModel(other_folder_,
                     "def forward(self, x):\n  return x @ self.w0 @ self.w1 - self.w2.sum()\n", 20);
  const std::string written = BytesOf(path_);
  const std::string other = BytesOf(other_);
  for (int i = 0; i < 20; ++i) {
    WriteBytes(path_, written);
    EXPECT_THAT(VerdictIf(1, [&] { WriteInto(path_, other); }), HasSubstr(": " + path_.string()));
  }
}

}  // namespace
}  // namespace raceway::engine::load
