// Hints: what they may say, who wins, and the law that without them a flow is the same.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "compiler/plan/explain.h"
#include "tests/compiler/compiling.h"
#include "tests/compiler/with_hints.h"
#include "tests/support/golden.h"

namespace raceway::compiler {
namespace {

/// `text` without what stands between `«` and `»`, or with it.
std::string Text(std::string text, bool with_hints) {
  constexpr std::string_view kOpen = "«";
  constexpr std::string_view kClose = "»";
  for (size_t begin = 0; (begin = text.find(kOpen)) != std::string::npos;) {
    const size_t end = text.find(kClose, begin);
    const std::string hint = text.substr(begin + kOpen.size(), end - begin - kOpen.size());
    text.replace(begin, end + kClose.size() - begin,
                 with_hints ? hint : std::string(hint.size(), ' '));
  }
  return text;
}

constexpr char kFlow[] = R"(edition 1
«defaults { prewarm { policy: adaptive, horizon: 2min, keep: 5s..60s } resources { cpu: 1..8 } }»
schema Row { id: i64, x: f32[4] }
model small(x: f32[4]) -> (y: f32) {
  source: "small.pt"
  «batch { max: 32, wait: 4ms } load { priority: high }»
}
model big(x: f32[4]) -> (y: f32) { source: "big.pt" «, prewarm { policy: always }» }
fn name(id: i64) -> (label: string) { native: "labels.lookup", file: "names.txt" «batch { max: 8 }» }
flow inner(rows: { x: f32[4], ... }) -> { x: f32[4], ..., y: f32 } «with { place { device: gpu } }» {
  return rows |> map(small) «with { compete { replicas: 3, after: p90 } }»
}
flow f(rows: Row) -> { id: i64, y: f32, label: string } «with { slo { p99: 60ms, minimise: cost } }» {
  let (sure, unsure) = rows |> inner «with { batch { max: 4 } }» |> split(y > 0.5) «with { fuse: true }»
  return union(sure, unsure |> omit(y) |> map(big) «with { batch { max: 4 } }»)
    «with { place { near: rows } }» |> map(name) |> filter(id > 3) «with { fuse: true }»
    |> select(id, y, label) «with { resources { memory: 512MiB..8GiB } }»
}
)";

void TakeHintsOut(engine::PhysicalPlan& plan) {
  plan.slo.clear();
  for (engine::StageSpec& stage : plan.stages) {
    for (engine::StepSpec& step : stage.steps) step.hints.clear();
  }
}

/// Stages without their hints.
std::vector<Stage> Bare(std::vector<Stage> stages) {
  for (Stage& stage : stages) {
    for (Step& step : stage.steps) {
      step.hints.clear();
      for (Branch& branch : step.branches) branch.stages = Bare(std::move(branch.stages));
    }
  }
  return stages;
}

std::string ExplainBare(LogicalPlan plan) {
  plan.stages = Bare(std::move(plan.stages));
  return Explain(plan);
}

TEST(HintsTest, DoNotChangeThePlan) {
  const CompileOptions options{.flow = "f", .params = {}, .without = {}};
  testing::Compiled with = testing::Compile(Text(kFlow, true), options);
  const testing::Compiled without = testing::Compile(Text(kFlow, false), options);
  ASSERT_TRUE(with.result.physical) << with.Text();
  ASSERT_TRUE(without.result.physical) << without.Text();
  EXPECT_EQ(ExplainBare(*with.result.logical), Explain(*without.result.logical));
  EXPECT_EQ(ExplainBare(*with.result.optimized), Explain(*without.result.optimized));
  EXPECT_NE(engine::ToJson(*with.result.physical), engine::ToJson(*without.result.physical));
  // Spaces stand where hints stood, so that places in the text are the same too.
  TakeHintsOut(*with.result.physical);
  EXPECT_EQ(engine::ToJson(*with.result.physical), engine::ToJson(*without.result.physical));
}

// The same for all flows of the golden files, with hints wherever they may stand. Only `fuse` says
// which stages there are, and two rewrites listen to it.
TEST(HintsTest, DoNotChangeAnyPlan) {
  size_t num_flows = 0;
  for (const std::string& file : tests::GoldenFiles("tests/flows/plans", "logical")) {
    const std::string text = tests::GoldenFlow(file);
    if (testing::DependsOnTime(text)) continue;
    const std::string hinted = testing::WithHints(text, 1);
    for (const dsl::ast::Item& item : dsl::Parse(dsl::Source(file, text)).file.items) {
      const auto* flow = std::get_if<dsl::ast::FlowDecl>(&item);
      if (flow == nullptr) continue;
      const CompileOptions options{
          .flow = flow->name.text, .params = {}, .without = {"fuse-chains", "merge-branches"}};
      const testing::Compiled without = testing::Compile(text, options);
      if (!without.result.physical) continue;
      const testing::Compiled with = testing::Compile(hinted, options);
      ASSERT_TRUE(with.result.physical) << file << "\n" << with.Text();
      EXPECT_EQ(ExplainBare(*with.result.optimized), ExplainBare(*without.result.optimized))
          << file;
      EXPECT_FALSE(with.result.logical->slo.empty()) << file;
      ++num_flows;
    }
  }
  EXPECT_GT(num_flows, 30u);
}

TEST(HintsTest, AreEachRemarkedOnce) {
  const testing::Compiled checked = testing::Compile(Text(kFlow, true));
  const testing::Compiled planned =
      testing::Compile(Text(kFlow, true), {.flow = "f", .params = {}, .without = {}});
  EXPECT_FALSE(checked.result.diagnostics.has_errors()) << checked.Text();
  EXPECT_EQ(checked.result.diagnostics.Sorted().size(), 5u) << checked.Lines();
  EXPECT_EQ(planned.Lines(), checked.Lines());
  EXPECT_EQ(testing::Compile(Text(kFlow, false)).Lines(), "");
}

TEST(HintsTest, OfLoadsAreForWhatLoadsModels) {
  constexpr char kText[] = R"(edition 1
defaults { load { priority: low } }
store shelf(id: i64) -> (z: f32) { rocksdb: "shelf", load { priority: low } }
model m(x: f32) -> (y: f32) { source: "m.pt", load { stream: true } }
fn name(id: i64) -> (label: string) { native: "labels.lookup", file: "n.txt", load { memory: 1MB } }
flow inner(t: { x: f32 }) -> { y: f32 } with { load { memory: 4GiB } } {
  return t |> map(m) with { load { priority: high } } |> select(y)
}
flow f(t: { id: i64, x: f32 }) -> { y: f32 } {
  return t |> filter(x > 1.0) with { load { priority: low } }
    |> map(name) with { load { priority: low } }
    |> select(x) |> inner with { load { priority: low } }
}
)";
  EXPECT_EQ(testing::Compile(kText).Lines(),
            "3:54 E0503 the hint `load` is not honoured: a store loads no model; results are the "
            "same\n"
            "5:79 E0503 the hint `load` is not honoured: a function loads no model; results are "
            "the same\n"
            "10:38 E0503 the hint `load` is not honoured: `filter` loads no model; results are the "
            "same\n"
            "11:25 E0503 the hint `load` is not honoured: `map.name` loads no model; results are "
            "the same\n");
}

TEST(HintsTest, BatchesAreOfModelsAndRacesOfWhatIsCalled) {
  constexpr const char* kText = R"(edition 1
model m(x: f32) -> (y: f32) { source: "m.pt", batch { max: 8 } }
fn name(id: i64) -> (label: string) { native: "labels.lookup", file: "n.txt", batch { max: 8 } }
flow f(t: { id: i64, x: f32 }) -> { y: f32, label: string } {
  return t |> filter(x > 1.0) with { compete { replicas: 2 }, batch { max: 4 } }
    |> map(name) with { compete { replicas: 2 } }
    |> map(m) with { compete { adaptive: true }, batch { max: 4 } }
    |> select(y, label)
}
)";
  EXPECT_EQ(
      testing::Compile(kText).Lines(),
      "3:79 E0503 the hint `batch` is not honoured: a function calls no model; results are "
      "the same\n"
      "5:38 E0503 the hint `compete` is not honoured: `filter` calls nothing; results are the "
      "same\n"
      "5:63 E0503 the hint `batch` is not honoured: `filter` calls no model; results are the "
      "same\n");
}

// --- who wins ---

constexpr char kModels[] = R"(edition 1
defaults {
  batch { max: 1, wait: 1ms, by: shape, adaptive: true }
  place { device: cpu, spread: true }
  slo { p99: 1s, p50: 500ms }
}
model m(x: f32) -> (y: f32) { source: "m.pt", batch { max: 2, wait: 2ms, by: length } }
model n(y: f32) -> (z: f32) { source: "n.pt" }
flow inner(t: { x: f32 }) -> { y: f32 } with { place { node: "inner" } } {
  return t |> map(m) |> select(y)
}
flow f(t: { x: f32 }) -> { z: f32 } with { batch { wait: 3ms } place { node: "f" } slo { p99: 60ms } } {
  return t
    |> filter(x > 0.0) with { place { node: "filter" } }
    |> inner with { batch { by: shape } }
    |> map(n) with { batch { max: 4 } }
    |> select(z)
}
)";

/// "batch.max = 4 (step)", one a line, of the stage with this name.
std::string HintsOf(const testing::Compiled& compiled, const std::string& stage) {
  if (!compiled.result.logical) return compiled.Text() + compiled.result.usage_error;
  std::string text;
  for (const Stage& candidate : compiled.result.logical->stages) {
    if (candidate.name != stage) continue;
    for (const Hint& hint : candidate.steps.front().hints) {
      text += hint.name + " = " + hint.text + " (" + std::string(NameOf(hint.origin)) + ")\n";
    }
  }
  return text;
}

testing::Compiled Plan(const std::string& text, std::vector<std::string> hints = {}) {
  CompileOptions options;
  options.flow = "f";
  options.hints = std::move(hints);
  return testing::Compile(text, options);
}

TEST(HintsTest, TheNearestWins) {
  const testing::Compiled compiled = Plan(kModels);
  EXPECT_EQ(HintsOf(compiled, "n"),
            "batch.adaptive = true (defaults)\n"
            "batch.by = shape (defaults)\n"
            "batch.max = 4 (step)\n"
            "batch.wait = 3ms (flow)\n"
            "place.device = cpu (defaults)\n"
            "place.node = \"f\" (flow)\n"
            "place.spread = true (defaults)\n");
  // Inside a flow that is applied: its own `with` is nearer than the one behind its application.
  EXPECT_EQ(HintsOf(compiled, "m"),
            "batch.adaptive = true (defaults)\n"
            "batch.by = shape (step)\n"
            "batch.max = 2 (declaration)\n"
            "batch.wait = 3ms (flow)\n"
            "place.device = cpu (defaults)\n"
            "place.node = \"inner\" (flow)\n"
            "place.spread = true (defaults)\n");
  // What is said of calls is nothing to a filter.
  EXPECT_EQ(HintsOf(compiled, "filter"),
            "place.device = cpu (defaults)\n"
            "place.node = \"filter\" (step)\n"
            "place.spread = true (defaults)\n");
}

TEST(HintsTest, TheGoalsAreThoseOfTheFlowThatRuns) {
  const testing::Compiled compiled = Plan(kModels, {"f.slo.minimise=cost"});
  ASSERT_TRUE(compiled.result.physical) << compiled.result.usage_error << compiled.Text();
  const std::vector<engine::HintSpec> expected = {
      {"minimise", "cost", "cost", "command line", "--hint f.slo.minimise=cost"},
      {"p50", int64_t{500'000'000}, "500ms", "defaults", "test.flow:5:23"},
      {"p99", int64_t{60'000'000}, "60ms", "flow", "test.flow:12:95"},
  };
  EXPECT_EQ(compiled.result.physical->slo, expected) << ToString(*compiled.result.physical);
}

TEST(HintsTest, TheCommandLineWinsOverAll) {
  const testing::Compiled compiled =
      Plan(kModels, {"f/map.n.batch.max=16", "f/map.n.batch.max=17", "inner/map.m.batch.wait=9ms",
                     "f.place.node=outer", "inner.place.device=[gpu, cpu]", "f/map.n.fuse=false"});
  EXPECT_EQ(HintsOf(compiled, "n"),
            "batch.adaptive = true (defaults)\n"
            "batch.by = shape (defaults)\n"
            "batch.max = 17 (command line)\n"
            "batch.wait = 3ms (flow)\n"
            "fuse = false (command line)\n"
            "place.device = cpu (defaults)\n"
            "place.node = outer (command line)\n"
            "place.spread = true (defaults)\n");
  EXPECT_EQ(HintsOf(compiled, "m"),
            "batch.adaptive = true (defaults)\n"
            "batch.by = shape (step)\n"
            "batch.max = 2 (declaration)\n"
            "batch.wait = 9ms (command line)\n"
            "place.device = [gpu, cpu] (command line)\n"
            "place.node = outer (command line)\n"
            "place.spread = true (defaults)\n");
}

TEST(HintsTest, StayWithTheStepsOfAStageThatIsFused) {
  const testing::Compiled compiled = Plan(R"(edition 1
fn name(id: i64) -> (label: string) { native: "labels.lookup", file: "names.txt" }
flow f(t: { id: i64 }) -> { label: string } {
  return t |> filter(id > 1) with { fuse: true } |> map(name) with { batch { max: 8 } } |> select(label)
}
)");
  ASSERT_TRUE(compiled.result.physical) << compiled.Text();
  ASSERT_EQ(compiled.result.physical->stages.size(), 1u);
  std::string text;
  for (const engine::StepSpec& step : compiled.result.physical->stages.front().steps) {
    text += step.label;
    for (const engine::HintSpec& hint : step.hints) {
      text += " " + hint.name + "=" + hint.text + " at " + hint.where;
    }
    text += "\n";
  }
  EXPECT_EQ(text.substr(0, text.find("select")),
            "filter fuse=true at test.flow:4:43\n"
            "map(name) batch.max=8 at test.flow:4:83\n")
      << text;
}

TEST(HintsTest, OfAnImportedFileHoldForItsOwnSteps) {
  CompileOptions options;
  options.flow = "f";
  options.hints = {"x.g/map.m.batch.wait=5ms"};
  const std::map<std::string, std::string> texts = {{"lib/x.flow", R"(edition 1
defaults { batch { max: 7 } place { with: m } }
model m(x: f32) -> (y: f32) { source: "m.pt" }
flow g(t: { x: f32 }) -> { y: f32 } { return t |> map(m) |> select(y) }
)"}};
  const testing::Compiled compiled = testing::Compile(
      R"(edition 1
import x from "lib/x.flow"
defaults { batch { max: 3, wait: 1ms } }
flow f(t: { x: f32 }) -> { y: f32 } { return t |> x.g }
)",
      options, "test.flow", testing::FakeFiles(texts));
  EXPECT_EQ(HintsOf(compiled, "m"),
            "batch.max = 7 (defaults)\n"
            "batch.wait = 5ms (command line)\n"
            "place.with = m (defaults)\n");
  ASSERT_TRUE(compiled.result.physical);
  EXPECT_EQ(compiled.result.physical->stages[0].steps[0].hints[0].where, "lib/x.flow:2:25");
}

// --- values ---

/// The value of `hint.member` as the plan has it, or what is wrong.
std::string ValueOf(const std::string& block, const std::string& place = "step") {
  const std::string with = " with { " + block + " }";
  const testing::Compiled compiled = testing::Compile(
      "edition 1\nfn name(id: i64) -> (label: string) { native: \"labels.lookup\", file: \"n\" }\n"
      "flow f(t: { id: i64 }) -> { label: string }" +
          (place == "flow" ? with : "") + " {\n  return t |> map(name)" +
          (place == "step" ? with : "") + " |> select(label)\n}\n",
      {.flow = "f", .params = {}, .without = {}});
  std::string text;
  if (!compiled.result.logical) {
    for (const dsl::Diagnostic& diagnostic : compiled.result.diagnostics.Sorted()) {
      if (dsl::InfoOf(diagnostic.kind).severity != dsl::Severity::kError) continue;
      text += diagnostic.message + (diagnostic.help.empty() ? "" : " | " + diagnostic.help) + "\n";
    }
    return text;
  }
  const LogicalPlan& plan = *compiled.result.logical;
  for (const Hint& hint : place == "flow" ? plan.slo : plan.stages.front().steps.front().hints) {
    text += hint.name + " = " + ToString(hint.value) + "\n";
  }
  return text;
}

TEST(HintValuesTest, AreCountedInOneUnitEach) {
  EXPECT_EQ(ValueOf("batch { max: 1_000, wait: 1.5ms, by: length, pad: T, adaptive: false }"),
            "batch.adaptive = false\nbatch.by = \"length\"\nbatch.max = 1000\nbatch.pad = \"T\"\n"
            "batch.wait = 1500000\n");
  EXPECT_EQ(ValueOf("batch { max: 4096tok, wait: 0us }"),
            "batch.max = { tokens: 4096 }\nbatch.wait = 0\n");
  EXPECT_EQ(
      ValueOf("compete { replicas: 64, after: p95, cancel: true, budget: 5%, adaptive: true }"),
      "compete.adaptive = true\ncompete.after = \"p95\"\ncompete.budget = 0.05\n"
      "compete.cancel = true\ncompete.replicas = 64\n");
  EXPECT_EQ(ValueOf("compete { after: 1h }"), "compete.after = 3600000000000\n");
  EXPECT_EQ(ValueOf("place { device: [gpu, cpu], near: \"camera\", with: name, spread: true }"),
            "place.device = [\"gpu\", \"cpu\"]\nplace.near = \"camera\"\nplace.spread = true\n"
            "place.with = \"name\"\n");
  EXPECT_EQ(ValueOf("resources { cpu: 0.5..8, gpu: 0%..100%, memory: 512MiB..8GB }"),
            "resources.cpu = [0.5, 8]\nresources.gpu = [0.0, 1.0]\n"
            "resources.memory = [536870912, 8000000000]\n");
  EXPECT_EQ(ValueOf("prewarm { policy: never, horizon: 2min, keep: 5s..60s, instances: 0 }"),
            "prewarm.horizon = 120000000000\nprewarm.instances = 0\n"
            "prewarm.keep = [5000000000, 60000000000]\nprewarm.policy = \"never\"\n");
  EXPECT_EQ(ValueOf("load { priority: low, stream: true, memory: 3kB } fuse: false"),
            "fuse = false\nload.memory = 3000\nload.priority = \"low\"\nload.stream = true\n");
  EXPECT_EQ(
      ValueOf(
          "slo { p50: 1us, p95: 2ms, p99: 3s, throughput: 1.5rps, minimise: cost, deadline: 1h }",
          "flow"),
      "deadline = 3600000000000\nminimise = \"cost\"\np50 = 1000\np95 = 2000000\n"
      "p99 = 3000000000\nthroughput = 1.5\n");
}

TEST(HintValuesTest, OfAnotherTypeAreRefused) {
  const std::pair<const char*, const char*> kCases[] = {
      {"batch { wait: 4 }",
       "`wait` is a duration, this has no unit | write `4ms`; units are `ns`, `us`, `ms`, `s`, "
       "`min` or "
       "`h`\n"},
      {"resources { gpu: 0.5 }",
       "`gpu` is a share, this has no unit | write `50%`; units are `%`\n"},
      {"prewarm { keep: 5..60s }",
       "`keep` is a duration, this has no unit | write `5s`; units are `ns`, `us`, `ms`, `s`, "
       "`min` or "
       "`h`\n"},
      {"batch { wait: 4MiB }", "`wait` is a duration, `4MiB` is a size | wait: 4ms\n"},
      {"batch { wait: 4msec }", "there is no unit `msec` | write `4ms`\n"},
      {"batch { wait: \"4ms\" }", "`wait` is a duration | wait: 4ms\n"},
      {"batch { max: 3.5 }", "`max` is an integer or a number of tokens | max: 32\n"},
      {"batch { max: 3ms }",
       "`max` is an integer or a number of tokens, `3ms` is a duration | max: 32\n"},
      {"batch { max: 0 }", "`max` must be in 1..1000000, this is 0\n"},
      {"batch { max: 1..8 }", "`max` is one value, no range | max: 32\n"},
      {"compete { replicas: 100 }", "`replicas` must be in 1..64, this is 100\n"},
      {"compete { after: p89 }",
       "`after` is a duration or `p50`, `p75`, `p90`, `p95` or `p99` | did you mean `p99`?\n"},
      {"compete { budget: 120% }", "`budget` must be in 0%..100%, this is 120%\n"},
      {"compete { replicas: -3 }", "`replicas` is never negative | replicas: 3\n"},
      {"resources { cpu: 8..1 }", "this range ends before it begins\n"},
      {"resources { cpu: 1..2..3 }", "`cpu` is a number, or a range of them | cpu: 1..8\n"},
      {"resources { memory: 1 }",
       "`memory` is a size, this has no unit | write `1MiB`; units are `B`, `KiB`, `MiB`, `GiB`, "
       "`kB`, `MB` or `GB`\n"},
      {"prewarm { policy: \"always\" }",
       "`policy` is `adaptive`, `always` or `never` | without quotes: always\n"},
      {"prewarm { policy: allways }",
       "`policy` is `adaptive`, `always` or `never` | did you mean `always`?\n"},
      {"load { stream: yes }", "`stream` is `true` or `false` | stream: true\n"},
      {"place { device: tpu }", "`device` is `cpu` or `gpu` | did you mean `cpu` or `gpu`?\n"},
      {"place { device: [] }", "`device` wants at least one | device: gpu\n"},
      {"place { with: nmae }", "no model, function or flow `nmae` | did you mean `name`?\n"},
      {"fuse: never", "`fuse` is `true` or `false` | fuse: false\n"},
      {"fuse { never: true }", "`fuse` is `true` or `false` | fuse: false\n"},
      {"batch: 8", "`batch` has members | batch { max: … }\n"},
      {"batch { max { rows: 8 } }", "`batch.max` is a value, no block | max: …\n"},
      {"batch { maximum: 8 }", "`batch` has no member `maximum` | did you mean `max`?\n"},
      {"batch { max: 8, max: 9 }", "`max` is set twice\n"},
      {"fuse: true, fuse: false", "`fuse` is set twice\n"},
      {"batsch { max: 8 }", "no hint `batsch` | did you mean `batch`?\n"},
      {"slo { p99: 1s }",
       "a step has no `slo`, the flow has | write it behind the flow's signature: `flow f(…) -> … "
       "with { slo { p99: 60ms } }`\n"},
  };
  for (const auto& [block, message] : kCases) EXPECT_EQ(ValueOf(block), message) << block;
  EXPECT_EQ(ValueOf("slo { p99: 0s }", "flow"), "`p99` must be in 1us..24h, this is 0s\n");
  EXPECT_EQ(ValueOf("slo { p999: 1s }", "flow"),
            "`slo` has no member `p999` | did you mean `p99`?\n");
  EXPECT_EQ(ValueOf("slo { minimize: cost }", "flow"),
            "`slo` has no member `minimize` | did you mean `minimise`?\n");
  EXPECT_EQ(ValueOf("slo { throughput: 100 }", "flow"),
            "`throughput` is a rate, this has no unit | write `100rps`; units are `rps`\n");
  EXPECT_EQ(ValueOf("slo { first_token: 1s }", "flow"),
            "`slo` has no member `first_token` | there are `p50`, `p95`, `p99`, `throughput`, "
            "`minimise` and `deadline`\n");
}

TEST(HintsTest, OfATableAloneAreForNothing) {
  EXPECT_EQ(testing::Compile("edition 1\nflow f(t: { x: i64 }) -> { x: i64 } {\n"
                             "  return t with { fuse: true } |> filter(x > 1)\n}\n")
                .Lines(),
            "3:10 E0503 a table alone does nothing that hints could be for\n");
}

TEST(HintsTest, OfALanguageModelHaveGoalsOfTheirOwn) {
  EXPECT_EQ(testing::Compile(R"(edition 1
model chat(prompt: string) -> (answer: string) {
  llm: "models/chat"
  context: 8192
  slo { first_token: 800ms, per_token: 60 }
}
model other(prompt: string) -> (answer: string) { llm: "models/chat", slo { p99: 1s } }
)")
                .Lines(),
            "3:3 E0701 `llm` is not supported yet\n"
            "5:40 E0501 `per_token` is a duration, this has no unit\n"
            "7:51 E0701 `llm` is not supported yet\n"
            "7:77 E0502 `slo` has no member `p99`\n");
}

TEST(HintsTest, DefaultsComeOnce) {
  EXPECT_EQ(
      testing::Compile("edition 1\ndefaults { fuse: true }\ndefaults { fuse: false }\n").Lines(),
      "3:1 E0202 `defaults` come once in a file\n");
}

// --- addresses ---

std::string UsageOf(const std::string& hint) {
  return Plan(R"(edition 1
model m(x: f32) -> (y: f32) { source: "m.pt" }
model late(y: f32) -> (z: f32) { source: "late.pt" }
flow other(t: { x: f32 }) -> { x: f32 } { return t |> filter(x > 1.0) }
flow f(t: { x: f32 }) -> { z: f32 } {
  let (p, q) = t |> other |> split(x > 3.0)
  return union(p |> map(m), q |> map(m)) |> map(late) |> select(z)
}
)",
              {hint})
      .result.usage_error;
}

TEST(HintAddressTest, NamesAFlowAStepAndAMember) {
  for (const char* hint :
       {"f/map.m.batch.max=16", "f/map.m#1.batch.max=16", "f/map.m#2.batch.max=16",
        "f/map.late.compete.after=p90", "f/union.place.device=gpu", "f/split.fuse=false",
        "f/other.batch.wait=1ms", "other/filter.place.spread=true", "f.slo.p99=60ms",
        "f.resources.cpu=1..8"}) {
    EXPECT_EQ(UsageOf(hint), "") << hint;
  }
}

TEST(HintAddressTest, TheSecondOfAKindIsTheSecondOfTheText) {
  const testing::Compiled compiled = Plan(R"(edition 1
model m(x: f32) -> (y: f32) { source: "m.pt" }
flow f(t: { x: f32 }) -> { y: f32 } {
  let (p, q) = t |> split(x > 3.0)
  return union(p |> map(m), q |> map(m)) |> select(y)
}
)",
                                          {"f/map.m#2.batch.max=16"});
  EXPECT_EQ(HintsOf(compiled, "m"), "");
  EXPECT_EQ(HintsOf(compiled, "m.2"), "batch.max = 16 (command line)\n");
}

TEST(HintAddressTest, AHintThatIsNotHonouredIsNotedWhereItIsFor) {
  EXPECT_EQ(
      Plan("edition 1\nflow f(t: { x: i64 }) -> { x: i64 } {\n  return t |> filter(x > 1)\n}\n",
           {"f/filter.place.spread=true"})
          .Lines(),
      "3:15 E0503 `--hint f/filter.place.spread=true` is not honoured yet; results are the same\n");
}

TEST(HintAddressTest, OnlyWhatLoadsModelsHonoursHowTheyAreLoaded) {
  const std::string flow =
      "edition 1\nmodel m(x: f32) -> (y: f32) { source: \"m.pt\" }\n"
      "flow f(t: { x: f32 }) -> { y: f32 } {\n"
      "  return t |> filter(x > 1.0) |> map(m) |> select(y)\n}\n";
  EXPECT_EQ(Plan(flow, {"f.load.priority=low", "f/map.m.load.memory=4GiB"}).Lines(), "");
  EXPECT_EQ(
      Plan(flow, {"f/filter.load.priority=low"}).Lines(),
      "4:15 E0503 `--hint f/filter.load.priority=low` is not honoured yet; results are the same\n");
}

// --- fuse ---

std::string StagesOf(const testing::Compiled& compiled) {
  std::string text;
  for (const Stage& stage : compiled.result.optimized->stages) {
    text += stage.name + " " + std::to_string(stage.steps.size()) + "\n";
  }
  return text;
}

TEST(FuseHintTest, KeepsAStepApart) {
  const std::string flow =
      "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } {\n"
      "  return t |> filter(x > 1) |> sort(x) |> limit(3) |> filter(x < 9)\n}\n";
  EXPECT_EQ(StagesOf(Plan(flow)), "filter 4\n");
  const testing::Compiled apart = Plan(flow, {"f/sort.fuse=false"});
  EXPECT_EQ(apart.Lines(), "");
  EXPECT_EQ(StagesOf(apart), "filter 1\nsort 1\nlimit 2\n");
  EXPECT_EQ(StagesOf(Plan(flow, {"f.fuse=false"})), "filter 1\nsort 1\nlimit 1\nfilter.2 1\n");
  // The nearest to the step wins.
  EXPECT_EQ(StagesOf(Plan(flow, {"f.fuse=false", "f/sort.fuse=true", "f/limit.fuse=true"})),
            "filter 1\nsort 2\nfilter.2 1\n");
}

TEST(FuseHintTest, KeepsABranchApart) {
  const std::string flow =
      "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } {\n"
      "  let (a, b) = t |> split(x > 3)\n"
      "  return union(a |> derive(x = 3), b)\n}\n";
  EXPECT_EQ(StagesOf(Plan(flow)), "union 1\n");
  EXPECT_EQ(StagesOf(Plan(flow, {"f/derive.fuse=false"})), "split 1\nderive 1\nunion 1\n");
}

TEST(FuseHintTest, ThatCannotBeHonouredIsNoted) {
  const std::string flow =
      "edition 1\nflow f(t: { x: i64 }) -> { x: i64 } {\n"
      "  return t |> filter(x > 1) with { fuse: true }\n}\n";
  EXPECT_EQ(Plan(flow).Lines(),
            "3:42 E0503 `fuse: true` is not honoured: `filter` has no neighbour to be fused with; "
            "results are the same\n");
}

TEST(HintAddressTest, WhatIsNotThereIsRefused) {
  const std::pair<const char*, const char*> kCases[] = {
      {"f/map.m.batch.max", "wants flow/step.hint.member=value, as in f/map.big.batch.max=16"},
      {"=3", "wants flow/step.hint.member=value, as in f/map.big.batch.max=16"},
      {"max=3", "which hint is meant? an address ends with one: f/map.big.batch.max=16"},
      {"f/max=3", "which hint is meant? an address ends with one: f/map.big.batch.max=16"},
      {"g/map.m.batch.max=3", "no flow `g`; there are `f` and `other`"},
      {"othre/filter.fuse=true", "no flow `othre`; did you mean `other`?"},
      {"f/map.n.batch.max=3", "flow `f` has no step `map.n`; did you mean `map.m`?"},
      {"f/map.m#3.batch.max=3",
       "flow `f` has no step `map.m#3`; did you mean `map.m#2` or `map.m`?"},
      {"f/.batch.max=3", "which step is meant? it stands behind the `/`, as in `map.big`"},
      {"f/map.m.btach.max=3", "no hint `btach`; did you mean `batch`?"},
      {"f/map.m.batch.mx=3",
       "`batch` has no member `mx`; there are `max`, `wait`, `by`, `pad` and "
       "`adaptive`"},
      {"f/map.m.batch.max=0", "`max` must be in 1..1000000, this is 0"},
      {"f/map.m.batch.max=ten", "`max` is an integer or a number of tokens; max: 32"},
      {"f/map.m.batch.max=", "`` is no value"},
      {"f/map.m.batch.max=3 4", "`3 4` is no value"},
      {"f/map.m.batch.wait=4",
       "`wait` is a duration, this has no unit; write `4ms`; units are `ns`, `us`, `ms`, `s`, "
       "`min` or "
       "`h`"},
      {"map.m.batch.max=3", "a step stands behind its flow and `/`: f/map.m.batch.max"},
      {"f.map.m.batch.max=3", "a step stands behind its flow and `/`: f/map.m.batch.max"},
      {"f/map.m.slo.p99=4ms", "a step has no `slo`, the flow has: f.slo.p99"},
  };
  for (const auto& [hint, message] : kCases) {
    EXPECT_EQ(UsageOf(hint), "--hint " + std::string(hint) + ": " + message);
  }
}

}  // namespace
}  // namespace raceway::compiler
