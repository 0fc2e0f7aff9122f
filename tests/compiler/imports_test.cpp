// `import`: several files, one flow.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "compiler/plan/explain.h"
#include "tests/compiler/compiling.h"

namespace raceway::compiler {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr char kStep[] = R"(edition 1
param n: i64 in 0..100 = 2
model m(x: f32) -> (y: f32) { source: "m.pt" }
fn name(id: i64) -> (label: string) { native: "labels.lookup", file: "sub/names.txt" }
flow step(t: { x: f32, id: i64, ... }) -> { ..., y: f32, label: string } {
  return t |> filter(id > n) |> map(m) |> map(name)
}
)";

constexpr char kMain[] = R"(edition 1
import { step, n } from "lib/a.flow"
flow f(t: { id: i64, x: f32 }) -> { y: f32, label: string } {
  return t |> filter(id < n) |> step |> select(y, label)
}
)";

testing::Compiled Compile(const std::string& text, const Texts& texts,
                          const CompileOptions& options = {},
                          const std::string& name = "flows/main.flow") {
  return testing::Compile(text, options, name, testing::FakeFiles(texts));
}

testing::Compiled Plan(const std::string& text, const Texts& texts,
                       std::vector<std::pair<std::string, std::string>> set = {}) {
  return Compile(text, texts, {.flow = "f", .params = std::move(set), .without = {}});
}

TEST(ImportsTest, FilesThatAnImportedFileNamesLieBesideIt) {
  const testing::Compiled compiled = Plan(kMain, {{"lib/a.flow", kStep}});
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  std::string files;
  for (const auto& file : compiled.result.physical->files) files += file.path + " ";
  EXPECT_EQ(files, "lib/m.pt lib/sub/names.txt ");
  const std::string plan = ToString(*compiled.result.physical);
  EXPECT_NE(plan.find("settings: { file: \"lib/sub/names.txt\" }"), std::string::npos) << plan;
}

TEST(ImportsTest, ImportedFilesAreHashedIntoThePlan) {
  const testing::Compiled compiled = Plan(kMain, {{"lib/a.flow", kStep}});
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  const std::vector<engine::FileSpec> expected = {
      {"lib/a.flow", "hash of " + std::string(kStep), static_cast<int64_t>(sizeof(kStep)) - 1}};
  EXPECT_EQ(compiled.result.physical->sources, expected);
  EXPECT_EQ(compiled.result.physical->stages.front().steps.back().origin, "lib/a.flow:6:43");
  // A plan that was made without imports has no word of them.
  const testing::Compiled alone =
      Plan("edition 1\nflow f(t: { x: i64 }) -> { x: i64 } { return t }\n", {});
  EXPECT_EQ(engine::ToJson(*alone.result.physical).find("sources"), std::string::npos);
}

TEST(ImportsTest, APlanDoesNotDependOnWhereItsFilesLie) {
  const CompileOptions options{.flow = "f", .params = {}, .without = {}};
  const Texts texts = {{"lib/a.flow", kStep}};
  const testing::Compiled here = Compile(kMain, texts, options, "main.flow");
  const testing::Compiled there = Compile(kMain, texts, options, "/far/away/main.flow");
  ASSERT_TRUE(here.result.physical) << here.Text();
  ASSERT_TRUE(there.result.physical) << there.Text();
  EXPECT_EQ(engine::ToJson(*here.result.physical), engine::ToJson(*there.result.physical));
}

// Written into one file, the same flows have the same plan.
TEST(ImportsTest, GiveThePlanOfOneFile) {
  std::string joined = std::string(kMain).substr(std::string(kMain).find("flow f"));
  joined = kStep + joined;
  for (const char* file : {"\"m.pt\"", "\"sub/names.txt\""}) {
    joined.insert(joined.find(file) + 1, "lib/");
  }
  const testing::Compiled one = Plan(joined, {});
  const testing::Compiled two = Plan(kMain, {{"lib/a.flow", kStep}});
  ASSERT_TRUE(one.result.logical) << one.Text();
  ASSERT_TRUE(two.result.logical) << two.Text();
  EXPECT_EQ(Explain(*two.result.logical), Explain(*one.result.logical));
  EXPECT_EQ(Explain(*two.result.optimized), Explain(*one.result.optimized));
}

// --- reading ---

TEST(ImportsTest, AFileIsReadInOnce) {
  const Texts texts = {
      {"base.flow", "edition 1\nschema Row { id: i64 }\n"},
      {"link.flow", "-> base.flow"},
      {"a.flow",
       "edition 1\nimport { Row } from \"base.flow\"\n"
       "flow a(t: Row) -> Row { return t }\n"},
      {"lib/b.flow",
       "edition 1\nimport { Row } from \"../lib/../link.flow\"\n"
       "flow b(t: Row) -> Row { return t }\n"},
  };
  const testing::Compiled compiled = Plan(R"(edition 1
import { a } from "./a.flow"
import { b } from "lib/b.flow"
import { Row } from "base.flow"
flow f(t: Row) -> Row { return t |> a |> b }
)",
                                          texts);
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  std::string read;
  for (const auto& file : compiled.result.physical->sources) read += file.path + " ";
  EXPECT_EQ(read, "base.flow a.flow lib/b.flow ");
  EXPECT_EQ(compiled.result.sources.size(), 4u);
}

TEST(ImportsTest, ACycleIsSaidWhole) {
  const Texts texts = {
      {"main.flow", "…"},  // what is on the disk, not what is compiled
      {"lib/b.flow",
       "edition 1\nimport { C } from \"c.flow\"\nschema B { c: i64 }\n"
       "flow b(t: C) -> C { return t }\n"},
      {"lib/c.flow",
       "edition 1\nimport main from \"../main.flow\"\nschema C { c: i64 }\n"
       "flow c(t: main.A) -> main.A { return t |> main.a }\n"},
  };
  EXPECT_EQ(Compile("edition 1\nimport { B } from \"lib/b.flow\"\nschema A { c: i64 }\n"
                    "flow a(t: B) -> B { return t }\n",
                    texts)
                .Text(),
            "error[E0604]: `main.flow` imports itself: main.flow → lib/b.flow → lib/c.flow → "
            "main.flow\n"
            " --> flows/lib/c.flow:2:18\n"
            "  |\n"
            "2 | import main from \"../main.flow\"\n"
            "  |                  ^^^^^^^^^^^^^^\n"
            " ::: flows/main.flow:2:19\n"
            "  |\n"
            "2 | import { B } from \"lib/b.flow\"\n"
            "  |                   ------------ `main.flow` imports `lib/b.flow`\n"
            " ::: flows/lib/b.flow:2:19\n"
            "  |\n"
            "2 | import { C } from \"c.flow\"\n"
            "  |                   -------- `lib/b.flow` imports `lib/c.flow`\n"
            "help: put what both need into a third file\n");
}

TEST(ImportsTest, AFileMayNotImportItselfThroughALink) {
  const Texts texts = {{"a.flow", "edition 1\nimport b from \"b.flow\"\nschema T { x: i64 }\n"},
                       {"b.flow", "-> a.flow"}};
  EXPECT_EQ(
      Compile("edition 1\nimport a from \"a.flow\"\nflow f(t: a.T) -> a.T { return t }\n", texts)
          .Lines(),
      "flows/a.flow:2:15 E0604 `a.flow` imports itself: a.flow → a.flow\n");
}

TEST(ImportsTest, ThereIsAnEndToTheirNumber) {
  Texts texts;
  for (int i = 0; i < 1100; ++i) {
    const std::string next = std::to_string(i + 1) + ".flow";
    texts[std::to_string(i) + ".flow"] =
        "edition 1\nimport n from \"" + next + "\"\nflow f(t: n.T) -> n.T { return t }\n";
  }
  const testing::Compiled compiled =
      Compile("edition 1\nimport n from \"0.flow\"\nflow f(t: n.T) -> n.T { return t }\n", texts);
  EXPECT_NE(compiled.Lines().find("E0605 more than 1000 files are imported\n"), std::string::npos)
      << compiled.Lines().substr(0, 300);
}

TEST(ImportsTest, WhatIsNoTextIsSaidThere) {
  const testing::Compiled compiled = Compile(
      "edition 1\nimport { a } from \"a.flow\"\nimport b from \"a.flow\"\n"
      "flow f(t: { id: i64 }) -> { id: i64 } { return t |> a |> b.a }\n",
      {{"a.flow", "edition 1\nflow \xff\n"}});
  EXPECT_EQ(compiled.Lines(), "flows/a.flow:2:6 E0002 the byte at offset 15 is not UTF-8\n");
}

// --- names ---

TEST(ImportsTest, ANameTakenTwiceIsAMistake) {
  EXPECT_EQ(Compile(R"(edition 1
import { Row } from "a.flow"
import { Row } from "b.flow"
import a from "a.flow"
import a from "b.flow"
flow f(t: Row) -> a.Row { return t }
)",
                    {{"a.flow", "edition 1\nschema Row { id: i64 }\n"},
                     {"b.flow", "edition 1\nschema Row { id: f32 }\n"}})
                .Lines(),
            "3:10 E0202 `Row` is declared twice\n"
            "5:8 E0202 `a` is declared twice\n");
}

TEST(ImportsTest, WhatAFileImportsItDoesNotPassOn) {
  const Texts texts = {{"a.flow",
                        "edition 1\nimport { Row } from \"b.flow\"\n"
                        "flow a(t: Row) -> Row { return t }\n"},
                       {"b.flow", "edition 1\nschema Row { id: i64 }\n"}};
  EXPECT_EQ(
      Compile("edition 1\nimport { Row } from \"a.flow\"\nflow f(t: Row) -> Row { return t }\n",
              texts)
          .Lines(),
      "2:10 E0606 \"a.flow\" has no `Row`\n");
  EXPECT_EQ(Compile("edition 1\nimport a from \"a.flow\"\nflow f(t: a.Row) -> a.Row { return t }\n",
                    texts)
                .Lines(),
            "3:11 E0201 no schema `a.Row`\n3:21 E0201 no schema `a.Row`\n");
}

TEST(ImportsTest, AnImportedFlowSeesItsOwnFile) {
  // Both files have a `n`, an `m` and a flow `_inner`, all different.
  const std::string main = R"(edition 1
import { step } from "lib/a.flow"
param n: f32 = 0.5
model m(x: f32) -> (z: f32) { source: "other.pt" }
flow _inner(t: { x: f32, id: i64 }) -> { x: f32, id: i64 } { return t |> filter(x > n) }
flow f(t: { x: f32, id: i64 }) -> { y: f32, label: string } { return t |> _inner |> step }
)";
  const std::string lib = std::string(kStep) + R"(
flow _inner(t: { id: i64, ... }) -> { ... } { return t |> filter(id != n) }
flow other(t: { x: f32, id: i64 }) -> { y: f32 } { return t |> _inner |> map(m) }
)";
  const testing::Compiled compiled = Plan(main, {{"lib/a.flow", lib}});
  ASSERT_TRUE(compiled.result.logical) << compiled.Text();
  const std::string plan = Explain(*compiled.result.logical);
  EXPECT_NE(plan.find("filter gt(x, 0.5)"), std::string::npos) << plan;
  EXPECT_NE(plan.find("filter gt(id, 2)"), std::string::npos) << plan;
  EXPECT_NE(plan.find("map(m) x -> y: f32"), std::string::npos) << plan;
}

TEST(ImportsTest, AnImportThatSomethingMentionsIsUsed) {
  EXPECT_EQ(Compile(R"(edition 1
import { side, Row, label, keep } from "a.flow"
import ns from "a.flow"
schema Wide { x: f32[side], ... }
flow f(t: Row) -> { id: i64, l: string } {
  return union(keep(t), t |> filter(id in [1, ns.side]))
    |> map(label) |> select(id, l = f"{label}")
}
flow g(t: Wide) -> Wide { return t }
)",
                    {{"a.flow", R"(edition 1
param side: i64 = 4
schema Row { id: i64 }
fn label(id: i64) -> (label: string) { native: "labels.lookup", file: "l.txt" }
flow keep(t: Row) -> Row { return t }
)"}}).Lines(),
            "");
}

// --- mistakes ---

TEST(ImportsTest, AMistakeInAnImportedFileIsShownThereAndOnce) {
  const testing::Compiled compiled = Compile(R"(edition 1
import { Row, lost, bad, good } from "a.flow"
import a from "a.flow"
flow f(t: Row) -> Row { return t |> bad |> lost |> map(a.gone) |> good }
flow g(t: a.Row) -> Row { return t |> a.bad |> a.lost |> good |> filter(idd > 1) }
)",
                                             {{"a.flow", R"(edition 1
schema Row { id: i64 }
flow lost(t: Row -> Row { return t }
model gone(x: f23) -> (y: f32) { source: "m.pt" }
flow bad(t: Row) -> Row { return t |> filter(idd > 1) }
flow good(t: Row) -> Row { return t }
)"}});
  EXPECT_EQ(compiled.Lines(),
            "flows/a.flow:3:10 E0102 this `(` is never closed\n"
            "flows/a.flow:4:15 E0201 no type `f23`\n"
            "flows/a.flow:5:46 E0203 no column `idd` here\n");
  EXPECT_FALSE(compiled.result.parsed().file.items.empty());
}

TEST(ImportsTest, WithAMistakeInAnImportedFileThereIsNoPlan) {
  const Texts texts = {
      {"lib/a.flow", std::string(kStep) + "flow oops(t: Row) -> Row { return t }\n"}};
  EXPECT_FALSE(Plan(kMain, texts).result.logical);
}

// --- parameters ---

TEST(ImportsTest, ParametersOfImportedFilesCanBeSet) {
  const Texts texts = {{"lib/a.flow", kStep}};
  const std::string spaced = R"(edition 1
import a from "lib/a.flow"
flow f(t: { id: i64, x: f32 }) -> { y: f32, label: string } {
  return t |> filter(id < a.n) |> a.step |> select(y, label)
}
)";
  for (const auto& [text, name] : {std::pair<std::string, std::string>(kMain, "n"),
                                   std::pair<std::string, std::string>(spaced, "a.n")}) {
    const testing::Compiled compiled = Plan(text, texts, {{name, "7"}});
    ASSERT_TRUE(compiled.result.logical) << compiled.Text() << compiled.result.usage_error;
    const std::string plan = Explain(*compiled.result.logical);
    EXPECT_NE(plan.find("gt(id, 7)"), std::string::npos) << plan;
    EXPECT_NE(plan.find("lt(id, 7)"), std::string::npos) << plan;
    EXPECT_EQ(
        Plan(text, texts, {{name, "700"}}).Lines(),
        "flows/lib/a.flow:2:1 E0603 --set " + name + "=700: `n` must be in 0..100, this is 700\n");
    EXPECT_EQ(Plan(text, texts, {{name + "n", "7"}}).result.usage_error,
              "--set " + name + "n: the file has no parameter of that name" +
                  (name == "n" ? "" : "; did you mean `a.n`?"));
  }
}

TEST(ImportsTest, OnlyWhatTheMainFileNamesCanBeSet) {
  const testing::Compiled compiled = Plan(
      "edition 1\nimport { step } from \"lib/a.flow\"\n"
      "flow f(t: { id: i64, x: f32 }) -> { y: f32, label: string } {\n  return t |> step\n}\n",
      {{"lib/a.flow", kStep}}, {{"n", "7"}});
  EXPECT_EQ(compiled.result.usage_error, "--set n: the file has no parameter of that name");
}

}  // namespace
}  // namespace raceway::compiler
