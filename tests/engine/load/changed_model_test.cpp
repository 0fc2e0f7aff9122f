// Whole models whose files change while they are loaded: an error, or the answer of the file that
// was opened; never one of both.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <stdexcept>
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

/// Of a file that the page cache has.
class BorrowedModelTest : public ChangedModelTest {
 protected:
  std::shared_ptr<StreamedModule> Borrow(const std::filesystem::path& path) {
    auto streamed = StreamedModule::Load(*scheduler_, path, {.borrows_pages = true}).value();
    if (!streamed->job().borrows_pages()) throw std::runtime_error("files here cannot be leased");
    return streamed;
  }

  FaultyScheduler scheduler_{{}};
};

TEST_F(BorrowedModelTest, AnswersAsBeforeWhateverBecomesOfItsFile) {
  const auto streamed = Borrow(path_);
  EXPECT_EQ(Verdict(testing::TryAnswer(*streamed, input_), expected_), "right");
  WriteInto(path_, BytesOf(other_));
  EXPECT_EQ(Verdict(testing::TryAnswer(*streamed, input_), expected_), "right");
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  EXPECT_EQ(Verdict(testing::TryAnswer(*streamed, input_), expected_), "right");
}

TEST_F(BorrowedModelTest, OverwrittenWhileItIsCalledItAnswersAsBefore) {
  const auto streamed = Borrow(path_);
  std::atomic<bool> is_over = false;
  std::thread calls([&] {
    while (!is_over) {
      EXPECT_EQ(Verdict(testing::TryAnswer(*streamed, input_), expected_), "right");
    }
  });
  WriteInto(path_, BytesOf(other_));
  is_over = true;
  calls.join();
}

TEST_F(BorrowedModelTest, OverwrittenWhileItIsLoadedItIsOneOrTheOtherOrAnError) {
  const c10::IValue other_expected = StockAnswer(other_, input_);
  const std::string written = BytesOf(path_);
  for (int i = 0; i < 20; ++i) {
    WriteBytes(path_, written);
    const std::jthread writer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(200 * i));
      WriteInto(path_, BytesOf(other_));
    });
    const auto streamed = StreamedModule::Load(*scheduler_, path_, {.borrows_pages = true});
    if (!streamed) continue;
    const Result<c10::IValue> answer = testing::TryAnswer(**streamed, input_);
    EXPECT_TRUE(Verdict(answer, expected_) != "wrong" || Verdict(answer, other_expected) == "right")
        << i;
  }
}

TEST_F(BorrowedModelTest, CalledOftenItHasMemoryOfItsOwn) {
  const auto streamed = Borrow(path_);
  const auto is_free = [&] {
    const int fd = open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) close(fd);
    return fd >= 0;
  };
  for (int call = 0; call < 20; ++call) {
    EXPECT_EQ(Verdict(testing::TryAnswer(*streamed, input_), expected_), "right") << call;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // asking makes it let go as well
  EXPECT_TRUE(is_free());
  EXPECT_EQ(Verdict(testing::TryAnswer(*streamed, input_), expected_), "right");
}

TEST_F(BorrowedModelTest, WhatItWritesIntoItsWeightsOutlastsTheFile) {
  const std::filesystem::path path = testing::SaveModel(
      folder_, "def forward(self, x):\n  self.w0.add_(1)\n  return self.w0 + self.w1\n", 2);
  torch::jit::Module stock = torch::jit::load(path.string());
  const auto streamed = Borrow(path);
  for (int call = 0; call < 3; ++call) {
    const c10::IValue expected = testing::CallModel(stock, input_);
    EXPECT_EQ(Verdict(testing::TryAnswer(*streamed, input_), expected), "right") << call;
    if (call == 1) WriteInto(path, std::string(1000, '\0'));
  }
}

}  // namespace
}  // namespace raceway::engine::load
