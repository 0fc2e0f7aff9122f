// Functions of users' libraries: what they are given, what they may give, and what is refused.
#include "operators/plugin.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "operators/plugins/contract_json.h"
#include "operators/plugins/library.h"
#include "operators/plugins/library_file.h"
#include "operators/plugins/signature.h"
#include "tests/operators/steps.h"

namespace raceway::operators {
namespace {

using namespace testing;  // NOLINT: steps and columns

std::string File(const std::string& name) { return std::string(PLUGINS) + "/" + name + ".so"; }

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string Hash(const std::string& path) {
  const Result<LibraryFile> file = ReadLibraryFile(path, path);
  return file.ok() ? file->sha256 : file.error().message;
}

/// A step that calls `function` of `good.so` on the columns of `inputs`.
StepSpec CallOf(const std::string& function, const std::vector<engine::Field>& inputs,
                const std::vector<engine::Field>& results, Value::Record settings = {}) {
  StepSpec step;
  step.op = "plugin";
  step.options = {{"library", File("good")},
                  {"sha256", Hash(File("good"))},
                  {"function", function},
                  {"settings", std::move(settings)}};
  for (const engine::Field& input : inputs) step.arguments.emplace_back(input.name, input.name);
  for (const engine::Field& result : results) step.results.emplace_back(result.name, result.name);
  step.outputs = {engine::Schema(results)};
  return step;
}

/// What the first result of `function` is for one column, as text.
std::string Answer(const std::string& function, const std::string& type, Column column,
                   const std::string& result, Value::Record settings = {}) {
  const StepSpec step =
      CallOf(function, {{"in", T(type)}}, {{"out", T(result)}}, std::move(settings));
  return Text(RunStep(step, MakeBatch(S({{"in", type}}), {std::move(column)})));
}

Column Ints(const std::vector<int64_t>& rows) { return at::tensor(rows, at::kLong); }

std::string LoadError(const std::string& name) {
  const auto library = LoadLibrary(File(name), name + ".so");
  if (library.ok()) return "";
  return std::string(NameOf(library.error().code)) + ": " + library.error().message;
}

// --- the right ones ---

TEST(PluginTest, GetsRowsAndGivesRows) {
  const Column dense = at::arange(4, at::kFloat).view({2, 2});
  EXPECT_EQ(Answer("twice", "f32[2]", dense, "f32[2]"),
            Answer("scale", "f32[2]", dense, "f32[2]", {{"by", 2.0}}));
  EXPECT_THAT(Answer("twice", "f32[2]", dense, "f32[2]"), ::testing::HasSubstr("6"));
  const Column ragged(std::vector<at::Tensor>{at::ones({1}), at::ones({3})});
  EXPECT_EQ(Answer("twice", "f32[N]", ragged, "f32[N]"),
            Answer("scale", "f32[N]", ragged, "f32[N]", {{"by", int64_t{2}}}));
}

TEST(PluginTest, GetsAndGivesTextsAndNumbers) {
  const StepSpec step = CallOf("text.join", {{"a", T("string")}, {"n", T("i64")}},
                               {{"b", T("string")}, {"bytes", T("i64")}, {"more", T("bool")}});
  const std::vector<std::string> names = {"a", "long"};
  const Result<Batch> out =
      RunStep(step, MakeBatch(S({{"a", "string"}, {"n", "i64"}}),
                              {Column(engine::TextColumn::Of(names)), Ints({5, 77})}));
  ASSERT_TRUE(out.ok()) << Text(out);
  EXPECT_EQ(out->column(0).text()[1], "long77");
  EXPECT_EQ(out->column(1).dense()[1].item<int64_t>(), 6);
  EXPECT_FALSE(out->column(2).dense()[0].item<bool>());
  EXPECT_TRUE(out->column(2).dense()[1].item<bool>());
  EXPECT_THAT(Answer("text.upper", "string", engine::TextColumn::Of(names), "string"),
              ::testing::HasSubstr("long!"));
}

TEST(PluginTest, KnowsTheDeclaredShapeAndItsFiles) {
  EXPECT_THAT(Answer("sized", "i64", Ints({1}), "f32[2]"), ::testing::HasSubstr("0"));
  EXPECT_THAT(Answer("sized", "i64", Ints({1}), "f32[K]"),
              ::testing::HasSubstr("sized: wants a result with a size"));
  const TempFolder folder;
  folder.Write("words.txt", "hello");
  const StepSpec step =
      CallOf("read", {{"n", T("i64")}}, {{"text", T("string")}}, {{"file", "words.txt"}});
  EXPECT_THAT(Text(RunStep(step, MakeBatch(S({{"n", "i64"}}), {Ints({1})}), folder.path())),
              ::testing::HasSubstr("hello"));
}

TEST(PluginTest, KnowsTheDeclaredShapeOfWhatNobodyReads) {
  StepSpec step = CallOf("sized.and", {{"n", T("i64")}}, {{"z", T("f32[7]")}, {"k", T("i64")}});
  step.outputs = {*S({{"k", "i64"}})};
  step.unread = *S({{"z", "f32[7]"}});
  EXPECT_EQ(Text(RunStep(step, MakeBatch(S({{"n", "i64"}}), {Ints({1})}))), "#0 k=7\n");
}

TEST(PluginTest, SaysTheSameRowByRow) {
  const StepSpec step = CallOf("twice", {{"x", T("f32[2]")}}, {{"y", T("f32[2]")}});
  const Batch batch = MakeBatch(S({{"x", "f32[2]"}}), {at::arange(6, at::kFloat).view({3, 2})});
  EXPECT_THAT(TextRowByRow(step, batch), ::testing::HasSubstr("10"));
}

// --- settings ---

TEST(PluginTest, HoldsSettingsAgainstTheContract) {
  const Column x = at::ones({1, 2});
  const auto error = [&](Value::Record settings) {
    return Answer("scale", "f32[2]", x, "f32[2]", std::move(settings));
  };
  EXPECT_THAT(error({}), ::testing::HasSubstr("scale: setting `by` cannot be left out"));
  EXPECT_THAT(error({{"by", "much"}}), ::testing::HasSubstr("setting `by` cannot be"));
  EXPECT_THAT(error({{"by", 11.0}}), ::testing::HasSubstr("scale: `by` must be at most 10"));
  EXPECT_THAT(error({{"by", 1.0}, {"how", "left"}}),
              ::testing::HasSubstr("setting `how` cannot be \"left\""));
  EXPECT_THAT(error({{"by", 1.0}, {"to", 1.0}}), ::testing::HasSubstr("no setting `to`"));
  EXPECT_THAT(error({{"by", 7.0}}), ::testing::HasSubstr("scale: 7 is unlucky"));
}

// --- errors ---

TEST(PluginTest, NamesFunctionAndRowOfWhatItThrows) {
  const auto error = [](const std::string& function) {
    const StepSpec step = CallOf(function, {{"n", T("i64")}}, {{"m", T("i64")}});
    const Result<Batch> out = RunStep(step, MakeBatch(S({{"n", "i64"}}), {Ints({2, 4, 5})}));
    if (out.ok()) return std::string("fine");
    return std::string(NameOf(out.error().code)) + " " + std::to_string(out.error().row_id) + " " +
           out.error().message;
  };
  EXPECT_EQ(error("strict"), "failed 2 strict: 5 is odd");
  EXPECT_EQ(error("strict_batch"), "failed 2 strict_batch: odd");
  EXPECT_EQ(error("rude"), "failed 0 rude: it threw something that is no std::exception");
  EXPECT_EQ(error("torch"), "failed 0 torch: shape '[3]' is invalid for input of size 2");
}

TEST(PluginTest, RefusesWhatIsNotDeclared) {
  const auto error = [](const std::string& function, const std::string& type) {
    return Answer(function, "i64", Ints({0, 1}), type);
  };
  EXPECT_THAT(error("none", "i64"), ::testing::HasSubstr("none: it gives 0 results, declared 1"));
  EXPECT_THAT(error("undefined", "i64"), ::testing::HasSubstr("`m` is an undefined tensor"));
  EXPECT_THAT(error("other_type", "i64"), ::testing::HasSubstr("`m` is f64, declared i64"));
  EXPECT_THAT(error("text_for_number", "i64"), ::testing::HasSubstr("`m` is text, declared i64"));
  EXPECT_THAT(error("number_for_text", "string"),
              ::testing::HasSubstr("`m` is no text, declared string"));
  EXPECT_THAT(error("not_utf8", "string"), ::testing::HasSubstr("`m` is not UTF-8"));
  EXPECT_THAT(error("mixed", "i64"), ::testing::HasSubstr("it gives texts and tensors"));
  EXPECT_THAT(error("too_few", "i64"), ::testing::HasSubstr("it gives 1 rows for 2"));
  EXPECT_THAT(error("no_rows", "i64"), ::testing::HasSubstr("`m` has no rows dimension"));
  EXPECT_EQ(error("sparse", "f32[2]"),
            "failed: row 2: sparse: result `y` is a sparse tensor: make it dense");
  EXPECT_EQ(error("complex", "f32[2]"),
            "failed: complex: result `y` is of ComplexFloat, which no column can be");
  // Alike symbols are alike sizes, across arguments and results.
  const Column ragged(std::vector<at::Tensor>{at::ones({1}), at::ones({3})});
  const StepSpec step = CallOf("other_size", {{"x", T("f32[N]")}}, {{"y", T("f32[N]")}});
  const Result<Batch> out = RunStep(step, MakeBatch(S({{"x", "f32[N]"}}), {ragged}));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().row_id, 1) << out.error().message;
  EXPECT_THAT(out.error().message, ::testing::HasSubstr("other_size: "));
}

TEST(PluginTest, StopsWhenItsRequestDoes) {
  const StepSpec step = CallOf("patient", {{"n", T("i64")}}, {{"m", T("i64")}});
  const Batch batch = MakeBatch(S({{"n", "i64"}}), {Ints({1})});
  Result<AnyOperator> made = Make(step, {batch.schema()});
  ASSERT_TRUE(made.ok()) << made.error().message;
  engine::CancelToken cancel;
  const engine::SteadyClock clock;
  engine::RunContext context{cancel, clock};
  std::thread stopper([&] { cancel.Cancel(); });
  const Result<Batch> out = std::get<std::unique_ptr<engine::Operator>>(*made)->Run(batch, context);
  stopper.join();
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, engine::ErrorCode::kCancelled);
}

// --- libraries ---

TEST(PluginLibraryTest, IsSharedByPathAndHashAndRefusedWhenItHasChanged) {
  const auto a = LoadLibrary(File("good"), "good.so");
  const auto b = ShareLibrary(File("good"), "other/good.so", Hash(File("good")));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(*a, *b);
  const auto changed = ShareLibrary(File("good"), "good.so", "0123");
  ASSERT_FALSE(changed.ok());
  EXPECT_THAT(changed.error().message, ::testing::HasSubstr("compile the flow again"));
}

// The loader knows libraries by name; a deployment of a new version must not get the old code.
TEST(PluginLibraryTest, ANewFileOfAnOldNameIsAnotherLibrary) {
  const TempFolder folder;
  const std::filesystem::path path = folder.path() / "mine.so";
  std::filesystem::copy_file(File("good"), path);
  const auto first = LoadLibrary(path, "mine.so");
  ASSERT_TRUE(first.ok()) << first.error().message;
  folder.Write("new.so", Content(File("good")) + "x");
  std::filesystem::rename(folder.path() / "new.so", path);
  const auto second = LoadLibrary(path, "mine.so");
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_NE(*first, *second);
  EXPECT_NE((*first)->functions()[0].function, (*second)->functions()[0].function);
  const auto again = LoadLibrary(path, "mine.so");
  EXPECT_EQ(*again, *second);
}

TEST(PluginLibraryTest, IsRefusedWithWhatWasFoundAndWhatIsWanted) {
  EXPECT_EQ(LoadError("other_api"),
            "unsupported: `other_api.so` was built for plugin API 99, this Raceway has 1: build it "
            "again");
  EXPECT_EQ(LoadError("other_libtorch"),
            std::string("unsupported: `other_libtorch.so` was built for "
                        "LibTorch 1.13.1, this Raceway has ") +
                TORCH_VERSION + ": build it again");
  EXPECT_EQ(LoadError("other_std"),
            "unsupported: `other_std.so` was built for libc++, this Raceway has " RACEWAY_PLUGIN_STD
            ": build it again");
  EXPECT_EQ(LoadError("no_plugin"),
            "invalid argument: `no_plugin.so` is no plugin: there is no `RACEWAY_PLUGIN(…)` in it");
  EXPECT_EQ(
      LoadError("no_symbol"),
      "invalid argument: `no_symbol.so` is no plugin: the symbol `raceway_plugin` is missing");
  EXPECT_EQ(
      LoadError("throws_declaring"),
      "invalid argument: `throws_declaring.so`: it throws while it declares its functions: out "
      "of order");
  EXPECT_EQ(
      LoadError("bad_signature"),
      "invalid argument: `bad_signature.so`: the signature `a(n: f33[N]) -> (m: i64)`: no type "
      "`f33[N]`");
  EXPECT_THAT(LoadError("unresolved"),
              ::testing::AllOf(::testing::HasSubstr("`unresolved.so` cannot be loaded: "),
                               ::testing::HasSubstr("NowhereToBeFound")));
  EXPECT_THAT(LoadError("not_there"), ::testing::HasSubstr("unavailable: "));
}

// Whatever is in a file: what is read of it before it is loaded never goes past its end.
TEST(PluginLibraryTest, ReadsTornFilesWithoutHarm) {
  const std::string whole = Content(File("good"));
  ASSERT_TRUE(CheckLibraryFile(whole, "good.so").ok());
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string torn = whole.substr(0, random() % whole.size());
    if (i % 2 == 0)
      torn = std::string(
                 "\x7f"
                 "ELF\x02",
                 5) +
             torn;
    for (int flips = 0; flips < 20 && !torn.empty(); ++flips) {
      torn[random() % torn.size()] = static_cast<char>(random());
    }
    static_cast<void>(CheckLibraryFile(torn, "torn.so"));
  }
  EXPECT_FALSE(CheckLibraryFile("", "torn.so").ok());
  EXPECT_FALSE(CheckLibraryFile("#!/bin/sh\n", "torn.so").ok());
  EXPECT_FALSE(CheckLibraryFile(whole.substr(0, 100), "torn.so").ok());
}

// --- contracts ---

std::string SignatureError(const std::string& text) {
  const auto contract = ParseSignature(text);
  if (contract.ok()) {
    return contract->name + ToString(engine::Schema(contract->params)) + " -> " +
           ToString(engine::Schema(contract->results));
  }
  return contract.error().message.substr(contract.error().message.find("`: ") + 3);
}

TEST(SignatureTest, IsReadAsAFlowWritesIt) {
  EXPECT_EQ(SignatureError(" a.b ( px : u8[H, W, 3] , n: i64 )->(y: f32) "),
            "a.b(px: u8[H, W, 3], n: i64) -> (y: f32)");
  EXPECT_EQ(SignatureError("a() -> (y: string)"), "a() -> (y: string)");
  EXPECT_THAT(SignatureError("a"), ::testing::HasSubstr("it is `name("));
  EXPECT_EQ(SignatureError("a b(n: i64) -> (m: i64)"), "no name `a b`");
  EXPECT_EQ(SignatureError("a(n: i64"), "a `)` is missing");
  EXPECT_EQ(SignatureError("a(n: i64) (m: i64)"), "there is no `->` behind the parameters");
  EXPECT_EQ(SignatureError("a(n: i64) -> m"), "columns stand in `( )`");
  EXPECT_EQ(SignatureError("a(n: i64) -> ()"), "it has no results");
  EXPECT_EQ(SignatureError("a(n i64) -> (m: i64)"), "`n i64` is no `name: type`");
  EXPECT_EQ(SignatureError("a(n: i64, n: i64) -> (m: i64)"), "`n` is there twice");
  EXPECT_EQ(SignatureError("a(n: i64?) -> (m: i64)"), "`n` has a value always, take the `?` out");
  EXPECT_EQ(SignatureError("a(n: string[N]) -> (m: i64)"),
            "`n` is a tensor of texts, which libraries do not get");
  EXPECT_EQ(SignatureError("a(n: f32[2*N]) -> (m: i64)"),
            "the dimension `2*N` of `n` is neither a number nor a name");
  EXPECT_EQ(SignatureError("a(n: i64) -> (m: i64) { }"), "nothing stands behind the results");
}

TEST(ContractJsonTest, ReadsWhatItWrites) {
  const auto library = LoadLibrary(File("good"), "good.so");
  ASSERT_TRUE(library.ok()) << library.error().message;
  const std::string text = ContractsAsJson((*library)->Contracts());
  const auto read = ContractsFromJson(text);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(ContractsAsJson(read), text);
  const auto& scale = (*read)[1];
  EXPECT_EQ(scale.name, "scale");
  EXPECT_EQ(scale.settings[0].ProblemOf(11.0), "must be at most 10");
  EXPECT_EQ(scale.settings[0].ProblemOf(int64_t{-1}), "must be at least 0");
  EXPECT_EQ(scale.settings[0].ProblemOf(3.5), "");
  for (size_t size = 0; size < text.size(); size += 97) {
    EXPECT_FALSE(ContractsFromJson(text.substr(0, size)).ok());
  }
  const engine::Error error{engine::ErrorCode::kUnsupported, "too new \xff"};
  const auto told = ContractsFromJson(ContractsAsJson(error));
  EXPECT_EQ(told.error().code, error.code);
}

}  // namespace
}  // namespace raceway::operators
