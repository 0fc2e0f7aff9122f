// Whole models whose files are torn or have a bit flipped: an error that names the file, or the
// answer of the whole file where the bit is not used; never another answer.
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/load/archive.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::BytesOf;
using testing::FaultyScheduler;
using testing::Inputs;
using testing::kLayerWidth;
using testing::MemoryFile;
using ::testing::StartsWith;
using testing::StockAnswer;
using testing::TryModel;
using testing::Verdict;

class DamagedModelTest : public ::testing::Test {
 protected:
  /// What becomes of `bytes` as a model file. What is Unsupported is LibTorch's to load, as for
  /// who runs a model.
  std::string VerdictOn(const std::string& bytes, const Inputs& inputs,
                        const c10::IValue& expected) {
    const MemoryFile file(bytes);
    const Result<c10::IValue> answer = TryModel(*scheduler_, file.path(), inputs);
    EXPECT_TRUE(answer.ok() || answer.error().message.find(file.path()) != std::string::npos)
        << answer.error().message;
    if (answer || answer.error().code != ErrorCode::kUnsupported) return Verdict(answer, expected);
    try {
      return Verdict(StockAnswer(file.path(), inputs), expected);
    } catch (const std::exception&) {
      return Verdict(answer, expected);
    }
  }

  /// Flips a bit in each of these bytes of the file in turn. Nobody may get another answer.
  void FlipAt(const std::filesystem::path& model, const std::vector<size_t>& offsets,
              const Inputs& inputs) {
    const std::string bytes = BytesOf(model);
    const c10::IValue expected = StockAnswer(model, inputs);
    for (const size_t at : offsets) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << random_() % 8));
      const std::string verdict = VerdictOn(flipped, inputs, expected);
      const std::string where = model.filename().string() + ", byte " + std::to_string(at);
      ASSERT_NE(verdict, "wrong") << where;
      if (verdict == "right") {
        unnoticed_.push_back({where, model, flipped});
      } else {
        ++num_errors_;
      }
    }
  }

  const std::map<std::string, Inputs> models_ = {{"tied.pt", {at::randint(50, {4, 7})}},
                                                 {"frozen.pt", {at::randint(50, {4, 7})}},
                                                 {"traced.pt", {at::randn({1, 3, 8, 8})}},
                                                 {"quantized.pt", {at::randn({5, kLayerWidth})}},
                                                 {"remembering.pt", {at::randn({5, kLayerWidth})}},
                                                 {"forking.pt", {at::randn({5, kLayerWidth})}}};
  FaultyScheduler scheduler_{{}};
  std::mt19937_64 random_{12};
  int num_errors_ = 0;

  struct Unnoticed {
    std::string where;
    std::filesystem::path model;
    std::string bytes;
  };
  std::vector<Unnoticed> unnoticed_;  // a flipped bit changed nothing
};

TEST_F(DamagedModelTest, TornAtAnyRecordItIsRefused) {
  for (const auto& [name, inputs] : models_) {
    const std::string bytes = BytesOf(Archived(name));
    const Archive archive = Archive::Open(Archived(name)).value();
    for (const ZipRecord& record : archive.records()) {
      for (const uint64_t at : {record.header_offset, record.data_offset, record.end_offset()}) {
        for (const uint64_t length : {at == 0 ? 0 : at - 1, at, at + 1}) {
          EXPECT_THAT(VerdictOn(bytes.substr(0, length), inputs, {}),
                      StartsWith("invalid argument: "))
              << name << " of " << length << " bytes";
        }
      }
    }
  }
}

TEST_F(DamagedModelTest, AFlippedBitIsFoundOrNotUsed) {
  for (const auto& [name, inputs] : models_) {
    const uint64_t size = std::filesystem::file_size(Archived(name));
    std::vector<size_t> offsets(100);
    std::generate(offsets.begin(), offsets.end(), [&] { return random_() % size; });
    ASSERT_NO_FATAL_FAILURE(FlipAt(Archived(name), offsets, inputs));
  }
  EXPECT_GT(num_errors_, 50);
  EXPECT_GT(unnoticed_.size(), 10u);  // paddings, code that helps to debug
}

// LibTorch checks no checksums: it would take other code for the model's.
TEST_F(DamagedModelTest, AFlippedBitOfWhatMakesTheStructureIsFound) {
  for (const auto& [name, inputs] : models_) {
    const Archive archive = Archive::Open(Archived(name)).value();
    std::vector<size_t> offsets;
    for (const ZipRecord& record : archive.records()) {
      const std::string_view part = archive.NameOf(record);
      const bool is_code = part.starts_with("code/") && part.ends_with(".py");
      const bool is_other =
          part == "data.pkl" || part == "constants.pkl" || part == "version" || part == "byteorder";
      if (!is_code && !is_other) continue;
      for (int i = 0; i < 15 && record.packed_size > 0; ++i) {
        offsets.push_back(record.data_offset + random_() % record.packed_size);
      }
    }
    ASSERT_NO_FATAL_FAILURE(FlipAt(Archived(name), offsets, inputs));
  }
  // Bits of a deflated record may mean nothing: codes that it has no use for.
  for (const Unnoticed& flip : unnoticed_) {
    const MemoryFile file(flip.bytes);
    const Archive flipped = Archive::Open(file.path()).value();
    const Archive archive = Archive::Open(flip.model).value();
    for (const ZipRecord& record : archive.records()) {
      const std::string name(archive.NameOf(record));
      EXPECT_EQ(flipped.Unpack(name, uint64_t{1} << 30).value(),
                archive.Unpack(name, uint64_t{1} << 30).value())
          << flip.where;
    }
  }
}

}  // namespace
}  // namespace raceway::engine::load
