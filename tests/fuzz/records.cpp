// What is in files of weights: the records of an archive, which is made anew around them, so that
// its places and checksums are right, and the files of a folder of safetensors. An error that names
// the file or a map that lies within it.
//
// A text is a list of records: a line "%% NAME", then what is in it. Those named *.safetensors are
// files, whose header is their first line; *.index.json is the index of such files. All others are
// records of one archive.
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/use_order.h"
#include "tests/engine/load/read_any.h"
#include "tests/engine/load/stored_zip.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace raceway::fuzz {
namespace {

using engine::load::testing::Member;

constexpr std::string_view kMark = "%% ";

std::vector<Member> MembersIn(const std::string& text) {
  std::vector<Member> members;
  for (size_t at = 0; text.compare(at, kMark.size(), kMark) == 0;) {
    const size_t name = at + kMark.size();
    const size_t line_end = std::min(text.find('\n', name), text.size());
    const size_t begin = std::min(line_end + 1, text.size());
    const size_t end = std::min(text.find("\n" + std::string(kMark), begin), text.size());
    members.push_back({text.substr(name, line_end - name), text.substr(begin, end - begin)});
    at = std::min(end + 1, text.size());
  }
  return members;
}

bool IsSafetensors(const Member& member) { return member.name.ends_with(".safetensors"); }
bool IsIndex(const Member& member) { return member.name.ends_with(".index.json"); }

/// A folder in memory, gone with this.
class MemoryFolder {
 public:
  MemoryFolder() {
    char name[] = "/dev/shm/raceway-fuzz-XXXXXX";
    if (mkdtemp(name) != nullptr) path_ = name;
  }
  ~MemoryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryFolder(const MemoryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void Write(const Member& member) const {
    std::ofstream file(path_ / member.name, std::ios::binary);
    if (IsSafetensors(member)) {
      std::string length;
      engine::load::testing::Append(
          length, uint64_t{std::min(member.content.find('\n') + 1, member.content.size())});
      file << length;
    }
    file << member.content;
  }

 private:
  std::filesystem::path path_;
};

std::string FaultOfFolder(const std::vector<Member>& members) {
  const MemoryFolder folder;
  std::string fault;
  for (const Member& member : members) {
    if (member.name.find_first_of(std::string_view("/\0", 2)) == std::string::npos) {
      folder.Write(member);
    }
  }
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    if (!fault.empty()) break;
    fault = engine::load::testing::Fault(file.path(), folder.path());
  }
  return fault;
}

std::string FaultOfArchive(const std::vector<Member>& members) {
  const MemoryFile file(engine::load::testing::ZipOf(members));
  if (!file.is_whole()) return "no memory for the file";
  const engine::Result<engine::load::Archive> archive = engine::load::Archive::Open(file.path());
  if (archive.ok()) (void)RecordedOrder(*archive);
  return engine::load::testing::Fault(file.path(), file.path());
}

}  // namespace

const std::string_view kTarget = "records";

std::string Try(const std::string& text) {
  std::vector<Member> files;
  std::vector<Member> records;
  for (Member& member : MembersIn(text)) {
    (IsSafetensors(member) || IsIndex(member) ? files : records).push_back(std::move(member));
  }
  const std::string fault = FaultOfArchive(records);
  return fault.empty() && !files.empty() ? FaultOfFolder(files) : fault;
}

}  // namespace raceway::fuzz
