#include "engine/load/repack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "engine/load/torchscript_source.h"
#include "engine/load/use_order.h"
#include "tests/engine/load/archives.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::BytesOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MembersOf;
using testing::Show;
using testing::TemporaryFolder;
using testing::WriteBytes;
using testing::ZipOf;
using Names = std::vector<std::string>;

/// Names of what is in a folder.
Names NamesIn(const std::filesystem::path& folder) {
  Names names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Names and places of weights that begin at a block, in the order of the file.
Names AlignedIn(const Archive& archive) {
  Names names;
  for (const ZipRecord& record : archive.records()) {
    const std::string name(archive.NameOf(record));
    if (record.size >= kSmallBytes && record.data_offset % kRepackAlignment == 0) {
      names.push_back(name);
    }
  }
  return names;
}

TEST(RepackTest, PutsWeightsAtBlocksAndChangesNothingElse) {
  const TemporaryFolder folder;
  for (const char* name :
       {"tied.pt", "frozen.pt", "quantized.pt", "stateful.pt", "traced.pt", "exported.pt2"}) {
    const auto to = folder / name;
    const Result<RepackReport> report = Repack(Archived(name), to);
    ASSERT_TRUE(report.ok()) << report.error().Text();
    const Result<Archive> before = Archive::Open(Archived(name));
    const Result<Archive> after = Archive::Open(to);
    ASSERT_TRUE(after.ok()) << after.error().Text();
    EXPECT_EQ(report->bytes_after, std::filesystem::file_size(to));
    EXPECT_EQ(report->num_aligned, AlignedIn(*after).size());
    ASSERT_EQ(before->records().size(), after->records().size());
    for (const ZipRecord& record : before->records()) {
      const ZipRecord* copy = after->Find(before->NameOf(record));
      ASSERT_NE(copy, nullptr) << record.name;
      EXPECT_EQ(copy->crc32, record.crc32);
      EXPECT_EQ(copy->data_offset % 64, 0U);
      EXPECT_EQ(*before->file().Read(record.data_offset, record.packed_size),
                *after->file().Read(copy->data_offset, copy->packed_size));
    }
  }
  EXPECT_THAT(AlignedIn(*Archive::Open(folder / "tied.pt")),
              ElementsAre("data/0", "data/2", "data/7"));
  EXPECT_EQ(Show(ReadTorchScript(*Archive::Open(folder / "tied.pt"))),
            Show(ReadTorchScript(*Archive::Open(Archived("tied.pt")))));
}

TEST(RepackTest, PutsWhatIsUsedFirstFirst) {
  const TemporaryFolder folder;
  const auto once = folder / "once.pt";
  const Result<RepackReport> report =
      Repack(Archived("tied.pt"), once, {.order = Names{"data/7", "data/99", "version", "data/2"}});
  ASSERT_TRUE(report.ok()) << report.error().Text();
  EXPECT_THAT(report->not_there, ElementsAre("data/99", "version"));
  EXPECT_THAT(AlignedIn(*Archive::Open(once)), ElementsAre("data/7", "data/2", "data/0"));
  EXPECT_THAT(RecordedOrder(*Archive::Open(once)),
              ElementsAre("data/7", "data/99", "version", "data/2"));
  // What is recorded stays, and the same archive gives the same bytes.
  ASSERT_TRUE(Repack(once, folder / "twice.pt").ok());
  EXPECT_EQ(BytesOf(once), BytesOf(folder / "twice.pt"));
  // Another order takes its place.
  ASSERT_TRUE(Repack(once, once, {.order = Names{"data/2"}}).ok());
  EXPECT_THAT(AlignedIn(*Archive::Open(once)), ElementsAre("data/2", "data/7", "data/0"));
  EXPECT_THAT(RecordedOrder(*Archive::Open(once)), ElementsAre("data/2"));
}

TEST(RepackTest, FindsWrongBytesAndLeavesNothing) {
  const TemporaryFolder folder;
  std::string bytes = BytesOf(Archived("tied.pt"));
  bytes[500] ^= 1;  // in data/0
  WriteBytes(folder / "flipped.pt", bytes);
  const Result<RepackReport> report = Repack(folder / "flipped.pt", folder / "out.pt");
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message,
              HasSubstr("record `tied/data/0`, byte 64: has another check"));
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("flipped.pt"));
}

TEST(RepackTest, RefusesWhatItCannotMakeBetter) {
  const TemporaryFolder folder;
  const auto said = [&](const std::filesystem::path& from) {
    const Result<RepackReport> report = Repack(from, folder / "out.pt");
    return report.ok() ? "" : report.error().message;
  };
  EXPECT_THAT(said(Archived("saved.pt")), HasSubstr("`torch.save` writes no model"));
  EXPECT_THAT(said(Archived("all.safetensors")), HasSubstr("is no whole archive"));
  EXPECT_THAT(said(folder / "none.pt"), HasSubstr("No such file"));
  auto members = MembersOf(Archived("tied.pt"));
  members.erase(members.begin());
  WriteBytes(folder / "torn.pt", ZipOf(members));
  EXPECT_THAT(said(folder / "torn.pt"), HasSubstr("record `data/0`: is named and not there"));
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("torn.pt"));
}

TEST(RepackTest, LeavesWhatWasThereWhenItIsCancelled) {
  const TemporaryFolder folder;
  WriteBytes(folder / "out.pt", "as it was");
  CancelToken cancel;
  cancel.Cancel();
  const Result<RepackReport> report =
      Repack(Archived("tied.pt"), folder / "out.pt", {.order = std::nullopt, .cancel = &cancel});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(BytesOf(folder / "out.pt"), "as it was");
  EXPECT_THAT(NamesIn(folder.path()), ElementsAre("out.pt"));
}

TEST(RepackTest, LeavesWhatWasThereWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  WriteBytes(folder / "out.pt", "as it was");
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  for (const rlim_t limit : {rlim_t{0}, rlim_t{100}, rlim_t{9000}, rlim_t{30000}}) {
    rlimit small = before;
    small.rlim_cur = limit;
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Result<RepackReport> report = Repack(Archived("tied.pt"), folder / "out.pt");
    ::setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(report.error().message, HasSubstr("File too large"));
    EXPECT_THAT(NamesIn(folder.path()), ElementsAre("out.pt"));
  }
  EXPECT_EQ(BytesOf(folder / "out.pt"), "as it was");
}

TEST(RepackTest, WritesWhatALinkPointsToAndKeepsItsMode) {
  const TemporaryFolder folder;
  WriteBytes(folder / "real.pt", "as it was");
  std::filesystem::permissions(folder / "real.pt", std::filesystem::perms::owner_all);
  std::filesystem::create_symlink("real.pt", folder / "link.pt");
  ASSERT_TRUE(Repack(Archived("tied.pt"), folder / "link.pt").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.pt"));
  EXPECT_TRUE(Archive::Open(folder / "real.pt").ok());
  EXPECT_EQ(std::filesystem::status(folder / "real.pt").permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_THAT(Repack(Archived("tied.pt"), folder.path()).error().message, HasSubstr("is no file"));
}

}  // namespace
}  // namespace raceway::engine::load
