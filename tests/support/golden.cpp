#include "tests/support/golden.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace raceway::tests {

namespace {

constexpr std::string_view kMark = "===== ";

struct Section {
  std::string name;
  std::string text;
};

struct Golden {
  std::string flow;
  std::vector<Section> sections;
};

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

Golden Read(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  Golden golden;
  for (const std::string& line : Lines(content.str())) {
    if (line.starts_with(kMark)) {
      golden.sections.push_back({line.substr(kMark.size()), ""});
    } else {
      (golden.sections.empty() ? golden.flow : golden.sections.back().text) += line + "\n";
    }
  }
  return golden;
}

void Write(const std::string& file, const Golden& golden) {
  std::ofstream stream(file, std::ios::binary);
  stream << golden.flow;
  for (const Section& section : golden.sections) {
    stream << kMark << section.name << "\n" << section.text;
  }
}

Section* Find(Golden& golden, const std::string& name) {
  for (Section& section : golden.sections) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

// Both texts with `-` before the lines that were wanted and `+` before those that came.
std::string Diff(const std::string& wanted, const std::string& got) {
  const std::vector<std::string> a = Lines(wanted);
  const std::vector<std::string> b = Lines(got);
  // common[i][j]: the most lines that a[i..] and b[j..] share in order
  std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string diff;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      diff += "  " + a[i++] + "\n";
      ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      diff += "- " + a[i++] + "\n";
    } else {
      diff += "+ " + b[j++] + "\n";
    }
  }
  return diff;
}

bool IsUpdating() {
  const char* const update = std::getenv("RACEWAY_UPDATE_GOLDEN");
  return update != nullptr && std::string_view(update) == "1";
}

}  // namespace

std::vector<std::string> GoldenFiles(const std::string& folder, const std::string& section) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".golden") continue;
    Golden golden = Read(entry.path().string());
    if (Find(golden, section) != nullptr) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string GoldenName(const testing::TestParamInfo<std::string>& file) {
  std::string name = std::filesystem::path(file.param).stem().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

std::string GoldenFlow(const std::string& file) { return Read(file).flow; }

void CheckGolden(const std::string& file, const std::string& section,
                 const GoldenFunction& function) {
  Golden golden = Read(file);
  Section* const expected = Find(golden, section);
  ASSERT_NE(expected, nullptr) << file << " has no section " << section;
  std::string got = function(std::filesystem::path(file).stem().string() + ".flow", golden.flow);
  if (!got.empty() && !got.ends_with('\n')) got += '\n';
  if (got == expected->text) return;
  if (IsUpdating()) {
    expected->text = got;
    Write(file, golden);
    return;
  }
  ADD_FAILURE() << file << ", section " << section
                << ": - is expected, + came; RACEWAY_UPDATE_GOLDEN=1 accepts it\n"
                << Diff(expected->text, got);
}

}  // namespace raceway::tests
