// Sources on files that are torn, flipped and rewritten: an error with the file's name, or a map
// that lies in its files; never a crash. Seeded; tests/fuzz does the same for as long as it is let.
#include <gtest/gtest.h>

#include <random>

#include "tests/engine/load/archives.h"
#include "tests/engine/load/read_any.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::BytesOf;
using testing::MemoryFile;

std::string Fault(const std::string& bytes) {
  const MemoryFile file(bytes);
  return testing::Fault(file.path(), file.path());
}

bool IsTaken(const std::string& bytes) {
  const MemoryFile file(bytes);
  return testing::kSources[0](file.path()).ok();
}

const char* const kFiles[] = {"tied.pt",   "frozen.pt",    "quantized.pt",   "stateful.pt",
                              "tensor.pt", "exported.pt2", "all.safetensors"};

TEST(MutationTest, TornFilesAreRefused) {
  for (const char* name : kFiles) {
    const std::string bytes = BytesOf(Archived(name));
    std::vector<size_t> lengths;
    for (size_t length = 0; length < bytes.size(); length += 97) lengths.push_back(length);
    if (const Result<Archive> archive = Archive::Open(Archived(name)); archive.ok()) {
      for (const ZipRecord& record : archive->records()) {
        for (const uint64_t at : {record.header_offset, record.data_offset, record.end_offset()}) {
          lengths.insert(lengths.end(), {at == 0 ? 0 : at - 1, at, at + 1});
        }
      }
    }
    for (size_t back = 1; back <= 200; ++back) lengths.push_back(bytes.size() - back);
    for (const size_t length : lengths) {
      const std::string torn = bytes.substr(0, length);
      EXPECT_EQ(Fault(torn), "") << name << " of " << length << " bytes";
      EXPECT_FALSE(IsTaken(torn)) << name << " of " << length << " bytes";
    }
  }
}

TEST(MutationTest, FlippedBytesAreFoundOrHarmless) {
  std::mt19937_64 random(20);
  for (const char* name : kFiles) {
    const std::string bytes = BytesOf(Archived(name));
    for (int i = 0; i < 1000; ++i) {
      std::string flipped = bytes;
      // Half of them where the structure is: at the end.
      const size_t range = i % 2 == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 3000);
      const size_t at = bytes.size() - 1 - random() % range;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << random() % 8));
      ASSERT_EQ(Fault(flipped), "") << name << ", byte " << at;
    }
  }
}

// Checksums are made anew, so that what is wrong inside of a record is not found by them.
TEST(MutationTest, RewrittenRecordsAreFoundOrHarmless) {
  std::mt19937_64 random(21);
  for (const char* name : {"tied.pt", "quantized.pt", "tensor.pt", "exported.pt2"}) {
    const std::vector<testing::Member> members = testing::MembersOf(Archived(name));
    for (int i = 0; i < 1000; ++i) {
      std::vector<testing::Member> changed = members;
      for (testing::Member& member : changed) {
        if (!member.name.ends_with(".pkl") && !member.name.ends_with(".json")) continue;
        for (uint64_t n = random() % 4; n > 0 && !member.content.empty(); --n) {
          const size_t at = random() % member.content.size();
          if (random() % 3 == 0) {
            member.content.erase(at, random() % 8);
          } else {
            member.content[at] = static_cast<char>(random());
          }
        }
      }
      ASSERT_EQ(Fault(testing::ZipOf(changed)), "") << name << ", change " << i;
    }
  }
}

}  // namespace
}  // namespace raceway::engine::load
