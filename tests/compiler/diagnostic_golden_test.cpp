#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "compiler/models/check_models.h"
#include "tests/compiler/compiling.h"
#include "tests/compiler/fake_reader.h"
#include "tests/support/golden.h"

namespace raceway::compiler {
namespace {

constexpr char kFolder[] = "tests/flows/diagnostics";

class CheckGoldenTest : public ::testing::TestWithParam<std::string> {};

// What is wrong with a file, whichever of its flows is meant.
TEST_P(CheckGoldenTest, RendersTheDiagnostics) {
  tests::CheckGolden(GetParam(), "check", [](const std::string& name, const std::string& flow) {
    return testing::Compile(flow, {}, name).Text();
  });
}

INSTANTIATE_TEST_SUITE_P(Flows, CheckGoldenTest,
                         ::testing::ValuesIn(tests::GoldenFiles(kFolder, "check")),
                         tests::GoldenName);

class ModelsGoldenTest : public ::testing::TestWithParam<std::string> {};

// What `check --models` says besides, with files of a test in place of models.
TEST_P(ModelsGoldenTest, RendersTheDiagnostics) {
  tests::CheckGolden(GetParam(), "models", [](const std::string& name, const std::string& flow) {
    testing::Compiled compiled = testing::Compile(flow, {}, name);
    testing::FakeFiles files;
    testing::FakeReader reader;
    CheckNamedFiles(compiled.result.files, files, compiled.result.diagnostics);
    CheckModels(compiled.result.models, files, reader, compiled.result.diagnostics);
    return compiled.Text();
  });
}

INSTANTIATE_TEST_SUITE_P(Flows, ModelsGoldenTest,
                         ::testing::ValuesIn(tests::GoldenFiles(kFolder, "models")),
                         tests::GoldenName);

class CompileGoldenTest : public ::testing::TestWithParam<std::string> {};

// What is wrong with the flow `f` once a plan is made of it.
TEST_P(CompileGoldenTest, RendersTheDiagnostics) {
  tests::CheckGolden(GetParam(), "compile", [](const std::string& name, const std::string& flow) {
    return testing::Compile(flow, {.flow = "f", .params = {}, .without = {}}, name).Text();
  });
}

INSTANTIATE_TEST_SUITE_P(Flows, CompileGoldenTest,
                         ::testing::ValuesIn(tests::GoldenFiles(kFolder, "compile")),
                         tests::GoldenName);

// Kinds that no small file shows, and the test that does.
const std::map<dsl::DiagnosticKind, std::string>& ShownElsewhere() {
  static const std::map<dsl::DiagnosticKind, std::string> kKinds = {
      {dsl::DiagnosticKind::kFileTooLarge, "tests/dsl/hostile_test.cpp"},
  };
  return kKinds;
}

TEST(DiagnosticKindTest, HasAGoldenFileEach) {
  for (const dsl::DiagnosticInfo& info : dsl::AllDiagnosticKinds()) {
    if (ShownElsewhere().contains(info.kind)) continue;
    const std::string name = std::string(info.code) + "-" + std::string(info.name);
    std::ifstream file(std::string(kFolder) + "/" + name + ".golden");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(text.find("[" + std::string(info.code) + "]: "), std::string::npos)
        << name << ".golden is missing or does not show its kind";
  }
}

TEST(DiagnosticKindTest, IsShownWhereTheTestSaysSo) {
  for (const auto& [kind, path] : ShownElsewhere()) {
    std::ifstream file(path);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(text.find("kFileTooLarge"), std::string::npos) << path;
  }
}

// A file that is named after no kind shows something else than its name says.
TEST(DiagnosticKindTest, NamesEveryGoldenFile) {
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().stem().string();
    const auto kinds = dsl::AllDiagnosticKinds();
    EXPECT_TRUE(std::any_of(kinds.begin(), kinds.end(), [&](const dsl::DiagnosticInfo& info) {
      return name.starts_with(std::string(info.code) + "-" + std::string(info.name));
    })) << name;
  }
}

}  // namespace
}  // namespace raceway::compiler
