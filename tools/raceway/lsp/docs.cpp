#include "tools/raceway/lsp/docs.h"

#include <algorithm>

namespace raceway::tools::lsp {
namespace {

constexpr Doc kOperators[] = {
    {"map", "map(f)", "The row and the results of a model or function."},
    {"select", "select(a, b = expr)", "These columns, in this order."},
    {"omit", "omit(a, b)", "All columns but these."},
    {"derive", "derive(c = expr)", "One more column, or an old one anew."},
    {"filter", "filter(cond)", "The rows where it is true."},
    {"split", "let (holds, rest) = t |> split(cond)", "Those rows, and the others."},
    {"route", "route(x) { 1 => steps, else => steps }",
     "Each row by the first branch that has its value."},
    {"union", "union(a, b)", "The rows of all, in the order of the request's rows."},
    {"join", "join(a, b, on: key)",
     "Rows that come from one row of the request, or have the same key."},
    {"explode", "explode(a, b)", "A row for each element of their first dimension."},
    {"groupby", "groupby(k, h = expr)", "The rows by key; `agg` follows."},
    {"agg", "agg(n = count(), m = mean(x))", "A row for each key: the keys and the aggregates."},
    {"sort", "sort(a, descending: b)", "In this order, equal rows as they came."},
    {"limit", "limit(n)", "The first rows."},
    {"fail", "fail(\"why\")", "An error if a row comes."},
    {"drop", "drop", "No row goes on."},
    {"lookup", "lookup(store, key: x, miss: fail)", "The row and what a store has under its key."},
    {"anyof", "anyof(accept: cond) { a => steps, b => steps }",
     "The first branch whose answer is acceptable wins, the others are cancelled."},
    {"window", "window(every: 1min, on: ts, as: minute)", "Rows of a stream by time."},
    {"sample", "sample(every: 3)", "Each n-th row of a stream."},
    {"shed", "shed(after: 500ms)", "Drops rows of a stream that have waited too long."},
    {"stream", "stream", "Rows as they come."},
};

constexpr OptionDoc kOperatorOptions[] = {
    {"map", "replace", "`true`: a result takes the place of a column of its name."},
    {"map", "timeout", "How long it may take for a row."},
    {"map", "on_error", "What happens to a row that fails."},
    {"join", "on", "The column whose values belong together; without it, rows of one request row."},
    {"join", "how", "`inner`, `left` or `full`: what becomes of rows without a partner."},
    {"sort", "descending", "The greatest first."},
    {"lookup", "key", "The value to look for."},
    {"lookup", "miss", "`fail`, `drop` or `null`: what happens where there is no such key."},
    {"anyof", "within", "How long the branches have; then `else` answers."},
    {"anyof", "accept", "When an answer counts."},
    {"anyof", "winner", "The column that gets the name of the branch."},
    {"window", "every", "The length of a window."},
    {"window", "on", "The column with the time."},
    {"window", "as", "The column that gets the window's beginning."},
    {"window", "lateness", "How late a row may come."},
    {"sample", "every", "One row of so many."},
    {"shed", "after", "How long a row may have waited."},
};

constexpr Doc kHints[] = {
    {"batch", "batch { max: 8, wait: 2ms }", "How rows are put together for one call."},
    {"compete", "compete { replicas: 2 }",
     "Several replicas work on a row, the first answer wins."},
    {"place", "place { device: gpu }", "Where it runs."},
    {"resources", "resources { cpu: 1..4 }", "What it may use; a range leaves the choice open."},
    {"prewarm", "prewarm { policy: adaptive }", "How instances are kept ready."},
    {"load", "load { priority: high }", "How weights come from disk."},
    {"fuse", "fuse: false", "Whether steps run as one stage."},
    {"slo", "slo { p99: 60ms }", "What latency or throughput is promised."},
};

constexpr OptionDoc kHintOptions[] = {
    {"batch", "max", "Rows of one call, at most."},
    {"batch", "wait", "How long a row waits for others."},
    {"batch", "by", "What rows of one call have in common: `shape`, `length`."},
    {"batch", "pad", "The dimension that is padded to one length."},
    {"batch", "adaptive", "`true`: as large as the target allows."},
    {"compete", "replicas", "How many."},
    {"compete", "after", "When the second one starts: a time, or a quantile such as `p90`."},
    {"compete", "cancel", "`true`: the slower ones are stopped."},
    {"compete", "budget", "How many more calls that may be: `5%`."},
    {"compete", "adaptive", "`true`: as the latencies of the last calls suggest."},
    {"place", "device", "`cpu` or `gpu`."},
    {"place", "near", "The store or place whose data it wants to be at."},
    {"place", "with", "The model or function it shares its place with."},
    {"place", "node", "The machine."},
    {"place", "spread", "`true`: replicas on different machines."},
    {"resources", "cpu", "Cores."},
    {"resources", "gpu", "Share of a device: `50%`."},
    {"resources", "memory", "Memory: `2GiB`."},
    {"prewarm", "policy", "`adaptive`, `always` or `never`."},
    {"prewarm", "horizon", "How far ahead arrivals are predicted."},
    {"prewarm", "keep", "How long an idle instance stays warm."},
    {"prewarm", "instances", "How many are kept ready."},
    {"load", "priority",
     "Who reads first from a disk that several want: `low`, `normal` or `high`."},
    {"load", "stream", "`true`: weights go after their use, and are read again for the next."},
    {"load", "memory", "What the weights may hold: `4GiB`. A model that needs more is refused."},
    {"slo", "p50", "Half of the requests are faster than this."},
    {"slo", "p95", "95 of 100 requests are faster than this."},
    {"slo", "p99", "99 of 100 requests are faster than this."},
    {"slo", "throughput", "Requests in a second: `200rps`."},
    {"slo", "minimise", "What to save while the rest is kept: `cost`."},
    {"slo", "deadline", "After this an answer is of no use."},
    {"slo", "first_token", "The time to the first token."},
    {"slo", "per_token", "The time for each further token."},
};

constexpr Doc kItems[] = {
    {"edition", "edition 1", "The edition of the language; the first line of a file."},
    {"import", "import { name } from \"lib/file.flow\"", "Names of another file."},
    {"param", "param name: f32 in 0.0..1.0 = 0.5", "A value that is set from outside."},
    {"defaults", "defaults { batch { max: 8 } }", "Hints for everything in the file."},
    {"schema", "schema Name { column: type }", "A row type with a name."},
    {"store", "store name(key: type) -> (value: type) { … }", "Values by key, for `lookup`."},
    {"model", "model name(x: f32[8]) -> (y: f32[2]) { source: \"m.pt\" }", "A model in a file."},
    {"fn", "fn name(x: bytes) -> (y: u8[H, W, 3]) { native: \"image.decode\" }",
     "A function of the engine, with its settings."},
    {"flow", "flow name(rows: Schema) -> Schema { … }",
     "Rows through steps: `let` and one `return`."},
    {"test", "test \"what holds\" { … }", "Stubs, given rows, and what is expected."},
};

constexpr OptionDoc kSettings[] = {
    {"model", "source", "The file of the model, relative to this one."},
    {"model", "device", "`cpu`, `gpu`, or `[gpu, cpu]`: the first that the machine has."},
    {"model", "threads", "Threads of one call."},
    {"model", "instances", "How many calls may run at once; others wait."},
    {"model", "method", "The method of the module that is called, `forward` otherwise."},
    {"model", "weights",
     "The file that has its weights: safetensors, their index, or `torch.export.save`."},
    {"model", "state", "`fresh`: each call begins with the state in the file."},
    {"model", "dtype", "What weights and floating inputs become: `f16`, `bf16`, `f32`, `f64`."},
    {"model", "pad",
     "The dimension in which rows are filled up, and a mask given, to run together."},
    {"fn", "native", "The function of the engine, or of the library, that computes it."},
    {"fn", "library", "The shared library that has the function, relative to this file."},
};

constexpr Doc kTypes[] = {
    {"bool", "", "true or false"},
    {"i8", "", "integer of 8 bits"},
    {"i16", "", "integer of 16 bits"},
    {"i32", "", "integer of 32 bits"},
    {"i64", "", "integer of 64 bits"},
    {"u8", "", "integer of 8 bits, from 0"},
    {"u16", "", "integer of 16 bits, from 0"},
    {"u32", "", "integer of 32 bits, from 0"},
    {"u64", "", "integer of 64 bits, from 0"},
    {"f16", "", "float of 16 bits"},
    {"bf16", "", "float of 16 bits with the range of f32"},
    {"f32", "", "float of 32 bits"},
    {"f64", "", "float of 64 bits"},
    {"string", "", "text, UTF-8"},
    {"bytes", "", "bytes, of a file say"},
    {"timestamp", "", "a moment"},
    {"duration", "", "a length of time"},
};

constexpr Doc kUnits[] = {
    {"ns", "", "nanoseconds"},  {"us", "", "microseconds"},
    {"ms", "", "milliseconds"}, {"s", "", "seconds"},
    {"min", "", "minutes"},     {"h", "", "hours"},
    {"B", "", "bytes"},         {"kB", "", "1000 bytes"},
    {"MB", "", "10⁶ bytes"},    {"GB", "", "10⁹ bytes"},
    {"KiB", "", "1024 bytes"},  {"MiB", "", "1024 KiB"},
    {"GiB", "", "1024 MiB"},    {"rps", "", "requests in a second"},
    {"tok", "", "tokens"},      {"%", "", "of a hundred"},
};

}  // namespace

std::span<const Doc> OperatorDocs() { return kOperators; }
std::span<const OptionDoc> OperatorOptionDocs() { return kOperatorOptions; }
std::span<const Doc> HintDocs() { return kHints; }
std::span<const OptionDoc> HintOptionDocs() { return kHintOptions; }
std::span<const Doc> ItemDocs() { return kItems; }
std::span<const OptionDoc> SettingDocs() { return kSettings; }
std::span<const Doc> TypeDocs() { return kTypes; }
std::span<const Doc> UnitDocs() { return kUnits; }

const Doc* FindDoc(std::span<const Doc> docs, std::string_view name) {
  const auto is_it = [&](const Doc& doc) { return doc.name == name; };
  const auto found = std::find_if(docs.begin(), docs.end(), is_it);
  return found == docs.end() ? nullptr : &*found;
}

const OptionDoc* FindDoc(std::span<const OptionDoc> docs, std::string_view owner,
                         std::string_view name) {
  const auto is_it = [&](const OptionDoc& doc) { return doc.owner == owner && doc.name == name; };
  const auto found = std::find_if(docs.begin(), docs.end(), is_it);
  return found == docs.end() ? nullptr : &*found;
}

}  // namespace raceway::tools::lsp
