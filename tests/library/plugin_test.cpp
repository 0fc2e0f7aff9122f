// Functions of users' libraries, as a service that compiles flows or loads plans meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/library/flows.h"

namespace raceway::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kSame[] = R"(edition 1
fn same(n: i64) -> (m: i64) { native: "same", library: "moody.so" }
flow sames(rows: { n: i64 }) -> { m: i64 } { return rows |> map(same) }
)";

/// A variable of the environment for as long as this lives.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~Setting() { ::unsetenv(name_); }
  Setting(const Setting&) = delete;

 private:
  const char* name_;
};

/// A folder with a library of functions, which nobody has looked into.
class PluginTest : public ::testing::Test {
 protected:
  PluginTest() {
    std::filesystem::create_directories(folder_);
    std::filesystem::copy(std::filesystem::path(RACEWAY_TEST_PLUGINS) / "moody.so", library_,
                          std::filesystem::copy_options::overwrite_existing);
  }

  ~PluginTest() override { std::filesystem::remove_all(folder_); }

  Result<Compilation> Compile() { return CompileText(kSame, "same.flow", folder_); }

  Plan Compiled() {
    const Result<Compilation> compiled = Compile();
    if (!compiled) Abort(compiled.error());
    if (!compiled->plan) Abort({ErrorCode::kInvalidArgument, compiled->text});
    return *compiled->plan;
  }

  /// As on a machine where no library has been tried yet.
  void Forget() { std::filesystem::remove_all(folder_ / "cache"); }

  // One for each test: what went wrong is remembered by path as long as the process runs.
  const std::filesystem::path folder_ =
      Models() / ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::filesystem::path library_ = folder_ / "moody.so";
  const Setting cache_{"XDG_CACHE_HOME", (folder_ / "cache").string()};
  Engine engine_ = *Engine::Start({.num_workers = 1});
};

TEST_F(PluginTest, IsCompiledAndRun) {
  const Plan plan = Compiled();
  EXPECT_EQ(plan.files(), std::vector<std::string>{"moody.so"});
  const Result<Flow> flow = engine_.Deploy(plan);
  ASSERT_TRUE(flow.ok()) << flow.error().Text();
  const Result<Table> out = flow->Run(Table().Set("n", at::tensor({int64_t{7}})));
  ASSERT_TRUE(out.ok()) << out.error().Text();
  EXPECT_EQ(out->Tensor("m")->item<int64_t>(), 7);
}

TEST_F(PluginTest, ThatCrashesIsAMistakeOfTheFlow) {
  const Setting crash("RACEWAY_TEST_CRASH", "1");
  const Result<Compilation> compiled = Compile();
  ASSERT_TRUE(compiled.ok()) << compiled.error().Text();
  EXPECT_FALSE(compiled->plan.has_value());
  EXPECT_THAT(compiled->text, AllOf(HasSubstr("E0901"), HasSubstr("ends its process")));
}

TEST_F(PluginTest, ThatCrashesHereDoesNotEndAnEngineThatLoadsItsPlan) {
  const Plan plan = Compiled();
  Forget();
  const Setting crash("RACEWAY_TEST_CRASH", "1");
  EXPECT_THAT(ErrorOf(engine_.Deploy(plan)),
              HasSubstr("failed: `moody.so` ends its process when it is loaded"));
}

TEST_F(PluginTest, ThatHasChangedIsNotDeployed) {
  const Plan plan = Compiled();
  std::ofstream(library_, std::ios::app) << "x";
  constexpr char kWhy[] = "`moody.so` is not the ";
  EXPECT_THAT(ErrorOf(engine_.Deploy(plan)), HasSubstr(kWhy));
  EXPECT_THAT(ErrorOf(engine_.Deploy(plan, {.check_files = false})),
              AllOf(HasSubstr(kWhy), HasSubstr("compile the flow again")));
  std::filesystem::remove(library_);
  EXPECT_THAT(ErrorOf(engine_.Deploy(plan)), HasSubstr("unavailable: cannot read"));
}

TEST_F(PluginTest, IsNotTriedWhereNothingCanTryIt) {
  const Setting probe("RACEWAY_PLUGIN_PROBE", "/nowhere/probe");
  const Result<Compilation> compiled = Compile();
  ASSERT_TRUE(compiled.ok()) << compiled.error().Text();
  EXPECT_THAT(compiled->text, HasSubstr("cannot look into `moody.so`: cannot start "
                                        "`/nowhere/probe`: No such file or directory"));
}

}  // namespace
}  // namespace raceway::tests
