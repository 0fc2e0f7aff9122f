// Packages whose files are torn or have a bit flipped: an error that names the file, or the answer
// of the whole file where the bit is not used; never another answer.
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/load/aoti_source.h"
#include "engine/load/archive.h"
#include "engine/load/export_source.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/whole_packages.h"

namespace raceway::engine::load {
namespace {

using testing::BytesOf;
using testing::FaultyScheduler;
using testing::MemoryFile;
using testing::Packaged;
using testing::SmallReads;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using testing::TryPackage;
using testing::Verdict;

/// A package, or an archive with the weights of one.
struct Victim {
  const char* name;
  int64_t width;
  const char* code = "";  // the package that has no weights with it
};
constexpr Victim kVictims[] = {{"blob.pt2", 32},
                               {"files.pt2", 32},
                               {"layers.pt2", 128},
                               {"layers-exported.pt2", 128, "bare.pt2"}};

class DamagedPackageTest : public ::testing::Test {
 protected:
  /// What a request sees with `bytes` in place of the file.
  std::string VerdictOn(const Victim& victim, const std::string& bytes, const at::Tensor& input,
                        const at::Tensor& expected) {
    const MemoryFile file(bytes);
    const bool has_code = *victim.code == '\0';
    const Result<at::Tensor> answer =
        has_code ? TryPackage(*scheduler_, file.path(), {}, input, SmallReads(folder_))
                 : TryPackage(*scheduler_, Packaged(victim.code), file.path(), input,
                              SmallReads(folder_));
    EXPECT_TRUE(answer.ok() || answer.error().message.find(file.path()) != std::string::npos)
        << answer.error().message;
    return Verdict(answer, expected);
  }

  /// Flips a bit in each of these bytes of the file in turn. Nobody may get another answer.
  void FlipAt(const Victim& victim, const std::vector<uint64_t>& offsets) {
    const std::string bytes = BytesOf(Packaged(victim.name));
    const at::Tensor input = at::randn({5, victim.width});
    const at::Tensor expected = AnswerOf(victim, input);
    for (const uint64_t at : offsets) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << random_() % 8));
      const std::string verdict = VerdictOn(victim, flipped, input, expected);
      ++(verdict == "right" ? num_right_ : num_errors_);
      ASSERT_NE(verdict, "wrong") << victim.name << ", byte " << at;
    }
  }

  at::Tensor AnswerOf(const Victim& victim, const at::Tensor& input) {
    const bool has_code = *victim.code == '\0';
    return TryPackage(*scheduler_, Packaged(has_code ? victim.name : victim.code),
                      has_code ? std::filesystem::path() : Packaged(victim.name), input,
                      SmallReads(folder_))
        .value();
  }

  static std::vector<Storage> StoragesOf(const Victim& victim) {
    const Archive archive = Archive::Open(Packaged(victim.name)).value();
    const bool has_code = *victim.code == '\0';
    return has_code ? ReadAotiPackage(archive)->weights.storages : ReadExported(archive)->storages;
  }

  TemporaryFolder folder_;
  FaultyScheduler scheduler_{{}};
  std::mt19937_64 random_{12};
  int num_errors_ = 0;
  int num_right_ = 0;
};

TEST_F(DamagedPackageTest, TornAtAnyRecordItIsRefused) {
  for (const Victim& victim : kVictims) {
    const std::string bytes = BytesOf(Packaged(victim.name));
    const at::Tensor input = at::randn({5, victim.width});
    const Archive archive = Archive::Open(Packaged(victim.name)).value();
    for (const ZipRecord& record : archive.records()) {
      for (const uint64_t at : {record.header_offset, record.data_offset, record.end_offset()}) {
        for (const uint64_t length : {at == 0 ? 0 : at - 1, at, at + 1}) {
          EXPECT_THAT(VerdictOn(victim, bytes.substr(0, length), input, input),
                      StartsWith("invalid argument: "))
              << victim.name << " of " << length << " bytes";
        }
      }
    }
  }
}

TEST_F(DamagedPackageTest, AFlippedBitIsFoundOrNotUsed) {
  for (const Victim& victim : kVictims) {
    const uint64_t size = std::filesystem::file_size(Packaged(victim.name));
    std::vector<uint64_t> offsets(50);
    std::generate(offsets.begin(), offsets.end(), [&] { return random_() % size; });
    ASSERT_NO_FATAL_FAILURE(FlipAt(victim, offsets));
  }
  EXPECT_GT(num_errors_, 50);
  EXPECT_GT(num_right_, 0);  // paddings, sources of kernels
}

TEST_F(DamagedPackageTest, AFlippedBitOfAWeightIsFound) {
  for (const Victim& victim : kVictims) {
    std::vector<uint64_t> offsets;
    for (const Storage& storage : StoragesOf(victim)) {
      if (storage.extent.size == 0) continue;
      offsets.push_back(storage.extent.offset + random_() % storage.extent.size);
    }
    ASSERT_NO_FATAL_FAILURE(FlipAt(victim, offsets));
  }
  EXPECT_EQ(num_right_, 0);
}

TEST_F(DamagedPackageTest, AFlippedBitOfTheCodeIsFound) {
  for (const Victim& victim : kVictims) {
    if (*victim.code != '\0') continue;
    const Archive archive = Archive::Open(Packaged(victim.name)).value();
    const ZipRecord& library = *archive.Find(ReadAotiPackage(archive)->library);
    std::vector<uint64_t> offsets(15);
    std::generate(offsets.begin(), offsets.end(),
                  [&] { return library.data_offset + random_() % library.packed_size; });
    ASSERT_NO_FATAL_FAILURE(FlipAt(victim, offsets));
  }
  EXPECT_EQ(num_right_, 0);
}

}  // namespace
}  // namespace raceway::engine::load
