#include "engine/load/package_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <optional>

#include "engine/load/aoti_source.h"
#include "tests/engine/load/archives.h"

namespace raceway::engine::load {
namespace {

namespace fs = std::filesystem;

using testing::BytesOf;
using ::testing::HasSubstr;
using testing::MemoryFile;
using testing::Packaged;
using testing::TemporaryFolder;
using testing::WriteBytes;
using testing::ZipOf;

ino_t InodeOf(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_ino;
}

int CountFolders(const fs::path& cache) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(cache)) count += entry.is_directory() ? 1 : 0;
  return count;
}

class PackageCodeTest : public ::testing::Test {
 protected:
  static Archive Open(const char* name) { return Archive::Open(Packaged(name)).value(); }
  Result<PackageCode> Unpack(const char* name, PackageCode::Limits limits = {}) {
    const Archive archive = Open(name);
    return PackageCode::Unpack(archive, ReadAotiPackage(archive)->folder, cache_ / "packages",
                               limits);
  }

  TemporaryFolder cache_;
};

TEST_F(PackageCodeTest, IsUnpackedOnce) {
  fs::path library;
  ino_t inode = 0;
  for (int i = 0; i < 3; ++i) {
    const Result<PackageCode> code = Unpack("blob.pt2");
    ASSERT_TRUE(code.ok()) << code.error().Text();
    if (i == 0) inode = InodeOf(code->library());
    EXPECT_EQ(InodeOf(code->library()), inode);
    library = code->library();
  }
  const Archive archive = Open("blob.pt2");
  EXPECT_EQ(BytesOf(library), *archive.Read(ReadAotiPackage(archive)->library, 1 << 30));
  for (const auto& file : fs::directory_iterator(library.parent_path())) {
    EXPECT_THAT(file.path().string(), ::testing::Not(HasSubstr("blob")));
    EXPECT_NE(file.path().extension(), ".cpp");
  }
}

TEST_F(PackageCodeTest, WhatIsNotThePackagesIsWrittenAnew) {
  const fs::path library = Unpack("blob.pt2")->library();
  const std::string bytes = BytesOf(library);
  std::string changed = bytes;
  changed[changed.size() / 2] ^= 1;
  for (const std::string& other : {changed, bytes.substr(0, 1000), std::string()}) {
    WriteBytes(library, other);
    EXPECT_EQ(Unpack("blob.pt2")->library(), library);
    EXPECT_EQ(BytesOf(library), bytes);
  }
  fs::remove(library);
  EXPECT_EQ(Unpack("blob.pt2")->library(), library);
  EXPECT_EQ(BytesOf(library), bytes);
}

TEST_F(PackageCodeTest, WhatWasUsedLongestAgoGoes) {
  const fs::path first = Unpack("blob.pt2", {.num_packages = 2})->library();
  const fs::path second = Unpack("bare.pt2", {.num_packages = 2})->library();
  fs::create_directory(cache_ / "packages" / "0123.part");  // of somebody who was interrupted
  EXPECT_EQ(Unpack("blob.pt2", {.num_packages = 2})->library(), first);
  const fs::path third = Unpack("inside.pt2", {.num_packages = 2})->library();
  EXPECT_TRUE(fs::exists(first));
  EXPECT_FALSE(fs::exists(second));
  EXPECT_TRUE(fs::exists(third));
  EXPECT_EQ(CountFolders(cache_ / "packages"), 2);
  EXPECT_TRUE(fs::exists(Unpack("bare.pt2", {.num_bytes = 1})->library()));
  EXPECT_EQ(CountFolders(cache_ / "packages"), 1);
}

TEST_F(PackageCodeTest, IsUnpackedForNowWhereItCannotBeKept) {
  WriteBytes(cache_ / "packages", "no folder");
  std::optional<Result<PackageCode>> code(Unpack("blob.pt2"));
  ASSERT_TRUE(code->ok()) << code->error().Text();
  const fs::path library = (*code)->library();
  EXPECT_TRUE(fs::exists(library));
  code.reset();
  EXPECT_FALSE(fs::exists(library.parent_path()));
}

TEST_F(PackageCodeTest, TornCodeIsRefused) {
  const Archive archive = Open("blob.pt2");
  const std::string library = *archive.Read(ReadAotiPackage(archive)->library, 1 << 30);
  for (const std::string& torn : {library.substr(0, 5000), std::string("code")}) {
    const MemoryFile file(ZipOf({{"p/data/aotinductor/model/x.so", torn}}));
    const Result<PackageCode> code =
        PackageCode::Unpack(*Archive::Open(file.path()), "data/aotinductor/model/", cache_ / "p");
    ASSERT_FALSE(code.ok());
    EXPECT_EQ(code.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(code.error().message, HasSubstr("x.so`: is code that is torn"));
  }
}

}  // namespace
}  // namespace raceway::engine::load
