#include "engine/load/zip_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/engine/load/archives.h"

namespace raceway::engine::load {
namespace {

using testing::Archived;
using testing::DirectoryHeaderAt;
using testing::ErrorOfZip;
using ::testing::HasSubstr;
using testing::LocalHeaderAt;
using testing::MemoryFile;
using ::testing::StartsWith;
using testing::With;
using testing::ZipOf;

// Offsets of fields in the headers of records.
constexpr size_t kFlags = 8, kMethod = 10, kCrc = 16, kPackedSize = 20, kSize = 24, kNameSize = 28,
                 kOffset = 42;  // in the directory
constexpr size_t kLocalFlags = 6, kLocalCrc = 14, kLocalSize = 22,
                 kLocalName = 30;  // in the archive

const std::vector<testing::Member> kMembers = {{"a/one", "first"}, {"a/two", ""}, {"a/three", "3"}};

Result<ZipDirectory> Read(const std::string& bytes) {
  const MemoryFile memory(bytes);
  return ZipDirectory::Read(*RandomFile::Open(memory.path()));
}

TEST(ZipDirectoryTest, SaysWhereRecordsLie) {
  const std::string zip = ZipOf(kMembers);
  const Result<ZipDirectory> directory = Read(zip);
  ASSERT_TRUE(directory.ok()) << directory.error().Text();
  ASSERT_EQ(directory->records().size(), 3U);
  for (const testing::Member& member : kMembers) {
    const ZipRecord* record = directory->Find(member.name);
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(zip.substr(record->data_offset, record->size), member.content);
    EXPECT_FALSE(record->is_deflated);
  }
  EXPECT_EQ(directory->Find("a/none"), nullptr);
  EXPECT_EQ(directory->Find(""), nullptr);
}

TEST(ZipDirectoryTest, ReadsWhatPyTorchWrites) {
  const Result<RandomFile> file = RandomFile::Open(Archived("tied.pt"));
  const Result<ZipDirectory> directory = ZipDirectory::Read(*file);
  ASSERT_TRUE(directory.ok()) << directory.error().Text();
  const ZipRecord* weight = directory->Find("tied/data/0");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->size, 16384U);
  EXPECT_EQ(weight->data_offset % 64, 0U);
  const Result<std::string> bytes = ReadRecord(*file, *weight, 1 << 20);
  ASSERT_TRUE(bytes.ok()) << bytes.error().Text();
  EXPECT_EQ(testing::NumberAt<float>(*bytes, 400), 100.0F);
  const ZipRecord* code = directory->Find("tied/code/__torch__.py");
  ASSERT_NE(code, nullptr);
  EXPECT_TRUE(code->is_deflated);
  EXPECT_EQ(ReadRecord(*file, *code, 1 << 20).error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(*UnpackRecord(*file, *code, 1 << 20), HasSubstr("def forward("));
  EXPECT_EQ(*UnpackRecord(*file, *weight, 1 << 20), *bytes);
  ZipRecord vast = *code;
  vast.size = uint64_t{1} << 50;  // no such deflate can be
  EXPECT_THAT(UnpackRecord(*file, vast, vast.size).error().message,
              AllOf(HasSubstr(code->name), HasSubstr("cannot be inflated")));
  ZipRecord torn = *code;
  --torn.packed_size;
  EXPECT_EQ(UnpackRecord(*file, torn, 1 << 20).error().code, ErrorCode::kInvalidArgument);
}

TEST(ZipDirectoryTest, FindsAWrongChecksumWhenItReads) {
  std::string zip = ZipOf(kMembers);
  zip[zip.find("first")] = 'F';
  const MemoryFile memory(zip);
  const Result<RandomFile> file = RandomFile::Open(memory.path());
  const Result<ZipDirectory> directory = ZipDirectory::Read(*file);
  ASSERT_TRUE(directory.ok());
  const Result<std::string> bytes = ReadRecord(*file, *directory->Find("a/one"), 100);
  ASSERT_FALSE(bytes.ok());
  EXPECT_THAT(bytes.error().message, HasSubstr("record `a/one`, byte 35: has another checksum"));
  EXPECT_THAT(ReadRecord(*file, *directory->Find("a/one"), 4).error().message,
              HasSubstr("has 5 bytes, the limit is 4"));
}

TEST(ZipDirectoryTest, TakesACommentAtTheEnd) {
  std::string zip = ZipOf(kMembers);
  zip = With<uint16_t>(zip, zip.size() - 2, 7) + "remarks";
  EXPECT_EQ(ErrorOfZip(zip), "");
  EXPECT_THAT(ErrorOfZip(zip + "!"), HasSubstr("its end is not where it says"));
}

TEST(ZipDirectoryTest, RefusesWhatIsNoArchive) {
  EXPECT_THAT(ErrorOfZip(""), HasSubstr("it is too short"));
  EXPECT_THAT(ErrorOfZip(std::string(1000, 'x')), HasSubstr("has no directory at its end"));
  EXPECT_THAT(ErrorOfZip("junk" + ZipOf(kMembers)), HasSubstr("its directory is not where"));
}

TEST(ZipDirectoryTest, RefusesRecordsThatShareBytes) {
  const std::string zip = ZipOf(kMembers);
  const size_t three = DirectoryHeaderAt(zip, "a/three");
  const auto one_offset = static_cast<uint32_t>(LocalHeaderAt(zip, "a/one"));
  EXPECT_THAT(ErrorOfZip(With(zip, three + kOffset, one_offset)),
              HasSubstr("has another name in its header"));
  // Two headers, one inside of the other's data.
  const std::string inner = ZipOf({{"a/in", "x"}});
  const std::string zip_in_zip = ZipOf({{"a/out", inner}, {"a/in", "y"}});
  const size_t in = DirectoryHeaderAt(zip_in_zip.substr(200), "a/in") + 200;
  const auto inside = static_cast<uint32_t>(LocalHeaderAt(zip_in_zip, "a/in"));
  EXPECT_THAT(ErrorOfZip(With(With(zip_in_zip, in + kOffset, inside), in + kCrc,
                              testing::NumberAt<uint32_t>(zip_in_zip, inside + 14))),
              HasSubstr("record `a/out`, byte 0: reaches into record `a/in`"));
}

TEST(ZipDirectoryTest, RefusesRecordsOutsideOfTheArchive) {
  const std::string zip = ZipOf(kMembers);
  const size_t one = DirectoryHeaderAt(zip, "a/one");
  const size_t three = DirectoryHeaderAt(zip, "a/three");
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, three + kOffset, 0x7fffffff)),
              HasSubstr("lies behind the records"));
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, three + kOffset, 0xffffffff)),
              HasSubstr("lacks a zip64 field"));
  const auto grown = [&](size_t record, std::string_view name, uint32_t size) {
    std::string text = With(With(zip, record + kSize, size), record + kPackedSize, size);
    const size_t local = LocalHeaderAt(zip, name);
    return ErrorOfZip(With(With(text, local + kLocalSize, size), local + kLocalSize - 4, size));
  };
  EXPECT_THAT(grown(three, "a/three", 1000), HasSubstr("reaches into the directory"));
  EXPECT_THAT(grown(one, "a/one", 6), HasSubstr("reaches into record `a/two`"));
}

TEST(ZipDirectoryTest, RefusesNamesThatAreThereTwice) {
  EXPECT_THAT(ErrorOfZip(ZipOf({{"a/one", "1"}, {"a/two", "2"}, {"a/one", "3"}})),
              HasSubstr("record `a/one`"));
  EXPECT_THAT(ErrorOfZip(ZipOf({{"a/one", "1"}, {"a/one", "3"}})), HasSubstr("is there twice"));
  EXPECT_THAT(ErrorOfZip(ZipOf({{"", "1"}})), HasSubstr("a record has no name"));
  EXPECT_THAT(ErrorOfZip(ZipOf({{std::string("a\0b", 3), "1"}})), HasSubstr("has no name"));
}

TEST(ZipDirectoryTest, HoldsLocalHeadersAgainstTheDirectory) {
  const std::string zip = ZipOf(kMembers);
  const size_t local = LocalHeaderAt(zip, "a/one");
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, local, 0)), HasSubstr("has no header there"));
  EXPECT_THAT(ErrorOfZip(With<char>(zip, local + kLocalName, 'b')),
              HasSubstr("has another name in its header"));
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, local + kLocalCrc, 1)),
              HasSubstr("has other sizes or another checksum"));
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, local + kLocalSize, 6)),
              HasSubstr("has other sizes or another checksum"));
  EXPECT_THAT(ErrorOfZip(With<uint16_t>(zip, local + kLocalFlags, 8)),
              HasSubstr("is packed in another way"));
}

TEST(ZipDirectoryTest, RefusesPackingsThatItDoesNotKnow) {
  const std::string zip = ZipOf(kMembers);
  const size_t one = DirectoryHeaderAt(zip, "a/one");
  EXPECT_EQ(ErrorOfZip(With<uint16_t>(zip, one + kMethod, 12)),
            "unsupported: record `a/one`: is packed by method 12");
  EXPECT_EQ(ErrorOfZip(With<uint16_t>(zip, one + kFlags, 1)),
            "unsupported: record `a/one`: is encrypted");
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, one + kPackedSize, 4)), HasSubstr("has two sizes"));
  EXPECT_THAT(ErrorOfZip(With<uint16_t>(zip, one + kNameSize, 60000)),
              HasSubstr("its directory is torn"));
}

TEST(ZipDirectoryTest, RefusesADirectoryOfOtherSizeThanItSays) {
  const std::string zip = ZipOf(kMembers);
  const size_t end = zip.size() - zip::kEndBytes;
  const auto with_counts = [&](uint16_t count) {
    return ErrorOfZip(With(With(zip, end + 8, count), end + 10, count));
  };
  EXPECT_THAT(with_counts(2), HasSubstr("longer than its records"));
  EXPECT_THAT(with_counts(60000), HasSubstr("more records than its directory has room for"));
  EXPECT_THAT(with_counts(0xffff), HasSubstr("lacks the zip64 end"));
  EXPECT_THAT(ErrorOfZip(With<uint16_t>(zip, end + 10, 4)), StartsWith("unsupported: is one part"));
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, end + 12, 1)), HasSubstr("is not where it says"));
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, end + 16, 1)), HasSubstr("is not where it says"));
}

TEST(ZipDirectoryTest, HoldsBothEndsAgainstEachOther) {
  const std::string zip = testing::BytesOf(Archived("traced.pt"));
  const size_t end = zip.size() - zip::kEndBytes;
  const size_t end64 = end - zip::kEnd64LocatorBytes - zip::kEnd64Bytes;
  EXPECT_EQ(ErrorOfZip(zip), "");
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, end + 16, 1)), HasSubstr("do not agree"));
  EXPECT_THAT(ErrorOfZip(With<uint64_t>(zip, end64 + 48, 1)), HasSubstr("do not agree"));
  EXPECT_THAT(ErrorOfZip(With<uint32_t>(zip, end64, 1)), HasSubstr("zip64 end is not where"));
  EXPECT_THAT(ErrorOfZip(With<uint64_t>(zip, end - 12, ~uint64_t{0})),
              HasSubstr("zip64 end is not where"));
  // Values of 2^16 - 1 and 2^32 - 1 leave it to the other end.
  EXPECT_EQ(ErrorOfZip(With<uint32_t>(zip, end + 16, 0xffffffff)), "");
}

// Local headers, sizes and offsets beyond 4 GiB, in a file that is mostly holes.
TEST(ZipDirectoryTest, ReadsRecordsBeyondFourGibibytes) {
  constexpr uint64_t kLarge = uint64_t{5} << 30;
  const testing::TemporaryFolder folder;
  const std::filesystem::path path = folder / "large.zip";
  const auto put = [](std::string& bytes, auto number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  std::string field;
  put(field, zip::kZip64Field);
  put(field, uint16_t{16});
  put(field, kLarge);
  put(field, kLarge);
  const std::string small = ZipOf({{"a/large", ""}, {"a/small", "s"}});
  std::string header = small.substr(0, zip::kLocalHeaderBytes);
  header = With<uint32_t>(With<uint32_t>(header, 18, 0xffffffff), 22, 0xffffffff);
  header = With(header, 28, static_cast<uint16_t>(field.size())) + "a/large" + field;
  const uint64_t second = header.size() + kLarge;
  std::string tail = small.substr(LocalHeaderAt(small, "a/small"), zip::kLocalHeaderBytes + 8);
  const uint64_t directory = second + tail.size();
  std::string first = small.substr(DirectoryHeaderAt(small, "a/large"), 46);
  first = With<uint32_t>(With<uint32_t>(first, kPackedSize, 0xffffffff), kSize, 0xffffffff);
  tail += With(first, 30, static_cast<uint16_t>(field.size())) + "a/large" + field;
  std::string far_field;
  put(far_field, zip::kZip64Field);
  put(far_field, uint16_t{8});
  put(far_field, second);
  std::string last = small.substr(DirectoryHeaderAt(small, "a/small"), 46);
  last =
      With<uint32_t>(With(last, 30, static_cast<uint16_t>(far_field.size())), kOffset, 0xffffffff);
  tail += last + "a/small" + far_field;
  const uint64_t size = second + tail.size() - directory;
  const uint64_t end64 = second + tail.size();
  put(tail, zip::kEnd64);
  put(tail, zip::kEnd64Bytes - 12);
  put(tail, uint32_t{0});
  put(tail, uint64_t{0});
  put(tail, uint64_t{2});
  put(tail, uint64_t{2});
  put(tail, size);
  put(tail, directory);
  put(tail, zip::kEnd64Locator);
  put(tail, uint32_t{0});
  put(tail, end64);
  put(tail, uint32_t{1});
  tail += With<uint32_t>(small.substr(small.size() - zip::kEndBytes), 16, 0xffffffff);
  tail = With(tail, tail.size() - 10, static_cast<uint32_t>(size));
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_EQ(::pwrite(descriptor, header.data(), header.size(), 0), ssize_t(header.size()));
  ASSERT_EQ(::pwrite(descriptor, tail.data(), tail.size(), off_t(second)), ssize_t(tail.size()));
  ::close(descriptor);

  const Result<RandomFile> file = RandomFile::Open(path);
  const Result<ZipDirectory> read = ZipDirectory::Read(*file);
  ASSERT_TRUE(read.ok()) << read.error().Text();
  EXPECT_EQ(read->Find("a/large")->size, kLarge);
  EXPECT_EQ(read->Find("a/small")->header_offset, second);
  EXPECT_EQ(*ReadRecord(*file, *read->Find("a/small"), 10), "s");
  EXPECT_EQ(read->Find("a/large")->checksum(), std::nullopt);
}

}  // namespace
}  // namespace raceway::engine::load
