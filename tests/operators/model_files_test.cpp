#include "operators/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/operators/models.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using ModelFilesTest = ModelTest;

TEST_F(ModelFilesTest, AMissingFileIsUnavailable) {
  const auto error = [this](const StepSpec& step) {
    return MakeError(step, {rows_.schema()}, folder_.path());
  };
  EXPECT_EQ(error(doubling_), "unavailable: model file m.pt: No such file or directory");
  std::filesystem::create_directory(folder_.path() / "m.pt");
  EXPECT_EQ(error(doubling_), "unavailable: model file m.pt: not a file");
}

TEST_F(ModelFilesTest, AFileThatIsNoTorchScriptIsSaidInOneLine) {
  const auto error = [this] { return MakeError(doubling_, {rows_.schema()}, folder_.path()); };
  const std::string start = "invalid argument: model file m.pt is no TorchScript: ";
  for (const std::string content : {"", "hello", "PK\x03\x04"}) {
    folder_.Write("m.pt", content);
    EXPECT_THAT(error(), StartsWith(start));
    EXPECT_THAT(error(), Not(HasSubstr("\n")));
  }
  Save("def forward(self, x):\n  return x\n");
  const auto size = std::filesystem::file_size(folder_.path() / "m.pt");
  for (const auto kept : {size / 4, size / 2, size - 1}) {
    Save("def forward(self, x):\n  return x\n");
    std::filesystem::resize_file(folder_.path() / "m.pt", kept);
    EXPECT_THAT(error(), StartsWith(start)) << kept;
    EXPECT_THAT(error(), Not(HasSubstr("\n"))) << kept;
    EXPECT_THAT(error().substr(start.size()), Not(HasSubstr("m.pt"))) << "it is named once";
  }
}

TEST_F(ModelFilesTest, RefusesAModelThatTakesOtherInputs) {
  Save("def forward(self, x, y):\n  return x + y\n");
  const auto error = [this](const StepSpec& step, const SchemaPtr& in) {
    return MakeError(step, {in}, folder_.path());
  };
  EXPECT_EQ(error(doubling_, rows_.schema()),
            "invalid argument: model small: `forward` takes 2 inputs, declared 1");
  EXPECT_EQ(error(doubling_, S({{"z", "f32"}})),
            "invalid argument: model small: no column `x` in (z: f32)");
  StepSpec step = doubling_;
  step.options.clear();
  EXPECT_EQ(error(step, rows_.schema()), "invalid argument: a model wants the option `source`");
}

TEST_F(ModelFilesTest, AFileIsLoadedOnceForItsPathAndHash) {
  Save("def forward(self, x):\n  return x\n");
  const auto first = Make(doubling_, {rows_.schema()}, folder_.path());
  ASSERT_TRUE(first.ok());
  Save("def forward(self, x):\n  return x * 2\n");  // nobody looks at it while `first` lives
  const auto second = Make(doubling_, {rows_.schema()}, folder_.path() / ".");
  StepSpec other_hash = doubling_;
  other_hash.options[1].second = "2";
  const auto third = Make(other_hash, {rows_.schema()}, folder_.path());
  const Batch one = MakeBatch(rows_.schema(), {Vectors({{1, 2}})});
  EXPECT_EQ(Text(RunMade(*first, one)), "#0 y=[1, 2]\n");
  EXPECT_EQ(Text(RunMade(*second, one)), "#0 y=[1, 2]\n");
  EXPECT_EQ(Text(RunMade(*third, one)), "#0 y=[2, 4]\n");
}

TEST_F(ModelFilesTest, IsForgottenWithItsLastStep) {
  Save("def forward(self, x):\n  return x\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[1, 2]\n#1 y=[3, 4]\n#2 y=[5, 6]\n");
  Save("def forward(self, x):\n  return -x\n");
  EXPECT_EQ(RunText(doubling_, rows_), "#0 y=[-1, -2]\n#1 y=[-3, -4]\n#2 y=[-5, -6]\n");
}

}  // namespace
}  // namespace raceway::operators
