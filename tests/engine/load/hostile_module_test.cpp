// Archives that somebody has made up, with checksums that are right: pickles and code that PyTorch
// does not write go through LibTorch's unpickler and compiler. An error, or what the stock loader
// makes of the same file; never a crash.
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string_view>

#include "engine/load/zip_writer.h"
#include "tests/engine/load/fault_reader.h"
#include "tests/engine/load/whole_models.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::FaultyScheduler;
using testing::Inputs;
using testing::IsSame;
using testing::kLayerWidth;
using testing::Member;
using testing::StockAnswer;
using testing::TemporaryFolder;
using testing::TryModel;

/// All records, unpacked.
std::vector<Member> RecordsOf(const std::filesystem::path& archive) {
  caffe2::serialize::PyTorchStreamReader reader(archive.string());
  std::vector<Member> records;
  for (const std::string& name : reader.getAllRecords()) {
    const auto [data, size] = reader.getRecord(name);
    records.push_back({name, std::string(static_cast<const char*>(data.get()), size)});
  }
  return records;
}

/// Weights stay as they are, and where LibTorch would have them.
void WriteArchive(const std::filesystem::path& path, const std::vector<Member>& records) {
  const auto writer = ZipWriter::Create(path).value();
  for (const Member& record : records) {
    ASSERT_TRUE(writer->Add("m/" + record.name, record.content, 64).ok());
  }
  ASSERT_TRUE(writer->Finish().ok());
}

class HostileModuleTest : public ::testing::Test {
 protected:
  /// Changes a byte, or some: others, fewer, or those of another place.
  void Change(std::string& bytes) {
    if (bytes.empty()) return;
    const size_t at = random_() % bytes.size();
    const size_t from = random_() % bytes.size();
    switch (random_() % 4) {
      case 0: bytes.erase(at, random_() % 8); break;
      case 1: bytes.insert(at, bytes.substr(from, random_() % 16)); break;
      case 2: bytes[at] = bytes[from]; break;
      default: bytes[at] = static_cast<char>(random_());
    }
  }

  /// Changes a number in a pickle: a size, a stride, the place of what was said before. So the
  /// pickle stays one.
  void ChangeNumber(std::string& pickle) {
    constexpr std::string_view kNumbers = "KMJ";  // of one byte, two, four
    const size_t from = random_() % pickle.size();
    const size_t at = pickle.find_first_of(kNumbers, from);
    if (at + 1 < pickle.size()) pickle[at + 1] = static_cast<char>(random_() % 80);
  }

  /// Whether `changed` is refused, or does what the stock loader has it do.
  bool IsTakenAlike(const std::vector<Member>& changed, const Inputs& inputs) {
    const std::filesystem::path path = folder_ / "m.pt";
    WriteArchive(path, changed);
    FaultyScheduler scheduler({});
    try {
      const Result<c10::IValue> answer = TryModel(*scheduler, path, inputs, {.guarded = true});
      if (!answer) {
        ++num_refused_;
        return answer.error().message.find(path.string()) != std::string::npos;
      }
      ++num_taken_;
      return IsSame(*answer, StockAnswer(path, inputs));
    } catch (const std::exception&) {  // of the model's own making
      ++num_thrown_;
      return true;
    }
  }

  const std::map<std::string, Inputs> models_ = {{"tied.pt", {at::randint(50, {4, 7})}},
                                                 {"frozen.pt", {at::randint(50, {4, 7})}},
                                                 {"traced.pt", {at::randn({1, 3, 8, 8})}},
                                                 {"quantized.pt", {at::randn({5, kLayerWidth})}},
                                                 {"remembering.pt", {at::randn({5, kLayerWidth})}}};
  TemporaryFolder folder_;
  std::mt19937_64 random_{23};
  int num_refused_ = 0;
  int num_taken_ = 0;
  int num_thrown_ = 0;
};

TEST_F(HostileModuleTest, RewrittenPicklesAreRefusedOrTakenAsTheyAre) {
  for (const auto& [name, inputs] : models_) {
    const std::vector<Member> records = RecordsOf(Archived(name));
    for (int i = 0; i < 200; ++i) {
      std::vector<Member> changed = records;
      const bool has_constants = name == "frozen.pt" && i % 4 == 0;
      for (Member& record : changed) {
        if (record.name != (has_constants ? "constants.pkl" : "data.pkl")) continue;
        i % 2 == 0 ? ChangeNumber(record.content) : Change(record.content);
      }
      ASSERT_TRUE(IsTakenAlike(changed, inputs)) << name << ", change " << i;
    }
  }
  EXPECT_GT(num_refused_, 100);
  EXPECT_GT(num_taken_, 10);
  EXPECT_GT(num_thrown_, 0);
}

TEST_F(HostileModuleTest, RewrittenCodeIsRefusedOrTakenAsItIs) {
  for (const auto& [name, inputs] : models_) {
    const std::vector<Member> records = RecordsOf(Archived(name));
    for (int i = 0; i < 100; ++i) {
      std::vector<Member> changed = records;
      for (Member& record : changed) {
        if (record.name.ends_with(".py") || record.name.ends_with("version")) {
          Change(record.content);
        }
      }
      ASSERT_TRUE(IsTakenAlike(changed, inputs)) << name << ", change " << i;
    }
  }
  EXPECT_GT(num_refused_, 100);
}

}  // namespace
}  // namespace raceway::engine::load
