// What does it cost to look up?
//
// The recommender of the Cloudflow paper: a user's vector f32[512], a category of 2,500 items
// f32[2500, 512], the five best. Users and categories lie in RocksDB, keys follow Zipf's law. A
// flow of look-ups, fused, run by the engine, against RocksDB's own MultiGet and a copy of the
// values.

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/topk.h>
#include <c10/core/InferenceMode.h>
#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/store/open_store.h"
#include "engine/store/row_codec.h"
#include "engine/store/row_database.h"
#include "engine/store/row_store.h"
#include "engine/store/store_writer.h"
#include "engine/store/vector_index.h"
#include "operators/register_all.h"
#include "tools/bench/report.h"

namespace raceway::bench {
namespace {

using engine::Batch;
using engine::Column;
using engine::Result;
using engine::Schema;
using engine::SchemaPtr;
using engine::Value;
using Clock = std::chrono::steady_clock;

constexpr int64_t kWidth = 512;
constexpr int64_t kItems = 2500;
constexpr int64_t kCacheBytes = int64_t{2} << 30;  // as in the paper

struct Sizes {
  int64_t users = 100'000;
  int64_t categories = 160;  // 0.8 GB of the paper's 5
  int64_t vectors = 100'000;
  int repetitions = 25;
  int requests = 400;  // of a repetition
};

[[noreturn]] void Stop(const std::string& why) {
  std::cerr << "lookup: " << why << "\n";
  std::exit(1);
}

template <typename T>
T Wanted(Result<T> result) {
  if (!result) Stop(result.error().Text());
  return *std::move(result);
}

SchemaPtr SchemaOf(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<engine::Field> typed;
  for (const auto& [name, type] : fields) typed.push_back({name, *engine::TypeFromString(type)});
  return std::make_shared<const Schema>(std::move(typed));
}

const SchemaPtr& UserRows() {
  static const SchemaPtr schema = SchemaOf({{"user", "i64"}, {"taste", "f32[512]"}});
  return schema;
}

const SchemaPtr& ShelfRows() {
  static const SchemaPtr schema = SchemaOf({{"category", "i64"}, {"items", "f32[M, 512]"}});
  return schema;
}

// Makes the folder once; `num_rows` rows of random numbers, `at_once` in memory.
void Generate(const std::filesystem::path& folder, const SchemaPtr& schema, int64_t num_rows,
              int64_t at_once, at::IntArrayRef row_sizes) {
  {
    const auto there = engine::RowDatabase::Open(folder, folder.string(), 1 << 20);
    if (there && (*there)->num_rows() == num_rows) return;
  }
  std::cerr << "lookup: makes " << folder.string() << ", once\n";
  const auto writer = Wanted(engine::StoreWriter::Begin(folder, *schema));
  for (int64_t first = 0; first < num_rows; first += at_once) {
    const int64_t count = std::min(at_once, num_rows - first);
    std::vector<int64_t> sizes = row_sizes.vec();
    sizes.insert(sizes.begin(), count);
    const Batch rows(schema, {at::arange(first, first + count, at::kLong), at::randn(sizes)},
                     count);
    std::vector<int64_t> lines(static_cast<size_t>(count));
    std::iota(lines.begin(), lines.end(), first);
    Wanted(writer->Add(rows, lines));
  }
  Wanted(writer->Finish(engine::CancelToken()));
}

// Numbers from 0 on, the n-th as often as 1/n; which numbers are frequent is left to chance.
class Zipf {
 public:
  Zipf(int64_t count, uint64_t seed) : random_(seed), names_(static_cast<size_t>(count)) {
    std::vector<double> weights(static_cast<size_t>(count));
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = 1.0 / static_cast<double>(i + 1);
    draw_ = std::discrete_distribution<size_t>(weights.begin(), weights.end());
    std::iota(names_.begin(), names_.end(), 0);
    std::shuffle(names_.begin(), names_.end(), random_);
  }
  int64_t Next() { return names_[draw_(random_)]; }

 private:
  std::mt19937_64 random_;
  std::discrete_distribution<size_t> draw_;
  std::vector<int64_t> names_;
};

// i64[1]
at::Tensor KeyOf(int64_t number) { return at::full({1}, number, at::kLong); }

struct Ask {
  int64_t user;
  int64_t category;
};

// The same asks for all that is compared.
std::vector<Ask> Asks(const Sizes& sizes, int count) {
  Zipf users(sizes.users, 1);
  Zipf categories(sizes.categories, 2);
  std::vector<Ask> asks;
  for (int i = 0; i < count; ++i) asks.push_back({users.Next(), categories.Next()});
  return asks;
}

at::Tensor Best(const at::Tensor& items, const at::Tensor& taste) {
  return std::get<1>(at::topk(at::mv(items, taste), 5));
}

// taste: f32[rows, 512], items: one f32[2500, 512] a row → best: i64[rows, 5].
class Score final : public engine::Operator {
 public:
  explicit Score(SchemaPtr output) : output_(std::move(output)) {}
  Result<Batch> Run(Batch input, engine::RunContext&) const override {
    const c10::InferenceMode inference;
    std::vector<at::Tensor> best;
    for (int64_t row = 0; row < input.num_rows(); ++row) {
      best.push_back(Best(input.column(1).Row(row), input.column(0).Row(row)));
    }
    return Batch(output_, {Column::FromRows(std::move(best), (*output_)[0].type)},
                 input.num_rows());
  }

 private:
  SchemaPtr output_;
};

engine::StepSpec LookupStep(const std::string& store, const std::filesystem::path& folder,
                            const Schema& rows, const std::string& key) {
  engine::StepSpec step;
  step.op = "lookup";
  step.label = "lookup(" + store + ")";
  step.arguments = {{"key", key}};
  step.results = {{rows[1].name, rows[1].name}};
  Value::List schema;
  for (const engine::Field& field : rows.fields()) {
    schema.push_back(Value::List{field.name, ToString(field.type)});
  }
  step.options = {{"store", store},       {"kind", "rocksdb"}, {"source", folder.string()},
                  {"cache", kCacheBytes}, {"miss", "fail"},    {"schema", std::move(schema)}};
  return step;
}

engine::PhysicalPlan Recommender(const std::filesystem::path& data) {
  const auto asks = SchemaOf({{"user", "i64"}, {"category", "i64"}});
  const auto best = SchemaOf({{"best", "i64[5]"}});
  engine::PhysicalPlan plan;
  plan.flow = "recommender";
  plan.inputs = {{"asks", *asks}};
  plan.results = {{"", {0, 0}, {{"best", "best"}}}};
  engine::StageSpec& stage = plan.stages.emplace_back();
  stage.name = "recommend";
  stage.inputs = {engine::Port{}};
  stage.steps.push_back(LookupStep("users", data / "users", *UserRows(), "user"));
  stage.steps.back().outputs = {*SchemaOf({{"category", "i64"}, {"taste", "f32[512]"}})};
  stage.steps.push_back(LookupStep("shelf", data / "shelf", *ShelfRows(), "category"));
  stage.steps.back().outputs = {*SchemaOf({{"taste", "f32[512]"}, {"items", "f32[M, 512]"}})};
  stage.steps.emplace_back();
  stage.steps.back().op = stage.steps.back().label = "score";
  stage.steps.back().results = {{"best", "best"}};
  stage.steps.back().outputs = {*best};
  return plan;
}

engine::OperatorFactories Factories() {
  engine::OperatorFactories factories;
  operators::RegisterAll(factories);
  factories.Add("score", [](const engine::OperatorSpec& spec) -> Result<engine::AnyOperator> {
    return engine::AnyOperator(std::make_unique<Score>(spec.outputs[0]));
  });
  return factories;
}

// The flow, ready to be asked.
class OurRecommender {
 public:
  explicit OurRecommender(const std::filesystem::path& data)
      : engine_({.num_workers = 1, .factories = Factories(), .clock = nullptr}),
        flow_(Wanted(engine_.Deploy(Recommender(data), "."))) {}

  void Run(const Ask& ask) {
    const Batch batch(flow_->input_schema(), {KeyOf(ask.user), KeyOf(ask.category)}, 1);
    Wanted(engine_.Run(*flow_, batch));
  }

 private:
  engine::Engine engine_;
  engine::FlowHandle flow_;
};

// RocksDB alone, with as large a cache of blocks: MultiGet and a copy of each value.
class RawRecommender {
 public:
  explicit RawRecommender(const std::filesystem::path& data)
      : users_(Open(data / "users")),
        shelf_(Open(data / "shelf")),
        taste_(at::empty({kWidth})),
        items_(at::empty({kItems, kWidth})) {}

  void Run(const Ask& ask) {
    const c10::InferenceMode inference;
    Copy(*users_, ask.user, taste_);
    Copy(*shelf_, ask.category, items_);
    last_ = Best(items_, taste_);
  }

  void CopyUser(int64_t user) { Copy(*users_, user, taste_); }

 private:
  static std::unique_ptr<rocksdb::DB> Open(const std::filesystem::path& folder) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(size_t{kCacheBytes});
    rocksdb::Options options;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(options, folder.string(), &db);
    if (!opened.ok()) Stop(opened.ToString());
    return std::unique_ptr<rocksdb::DB>(db);
  }

  static void Copy(rocksdb::DB& db, int64_t number, at::Tensor& to) {
    const std::string key = "r" + engine::EncodeKeys(KeyOf(number)).front();
    const rocksdb::Slice slice(key);
    rocksdb::PinnableSlice value;
    rocksdb::Status status;
    db.MultiGet({}, db.DefaultColumnFamily(), 1, &slice, &value, &status);
    if (!status.ok() || value.size() < to.nbytes()) Stop("a raw look-up failed");
    std::memcpy(to.mutable_data_ptr(), value.data() + value.size() - to.nbytes(), to.nbytes());
  }

  std::unique_ptr<rocksdb::DB> users_;
  std::unique_ptr<rocksdb::DB> shelf_;
  at::Tensor taste_;
  at::Tensor items_;
  at::Tensor last_;
};

// Takes the files out of the memory of the system.
void ForgetFiles(const std::filesystem::path& data) {
  for (const char* store : {"users", "shelf"}) {
    for (const auto& entry : std::filesystem::directory_iterator(data / store)) {
      const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;
      ::fdatasync(file);
      ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
      ::close(file);
    }
  }
}

struct Latencies {
  double p50 = 0;
  double p99 = 0;
};

// In microseconds, of `count` asks from `first` on.
template <typename Recommender>
Latencies Measure(Recommender& recommender, const std::vector<Ask>& asks, size_t first,
                  size_t count) {
  std::vector<double> times;
  for (size_t i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    recommender.Run(asks[(first + i) % asks.size()]);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

constexpr Goal kAtMostThree{.of_ratio = true, .at_most = true, .bound = 3};

void MeasureRecommender(const std::filesystem::path& data, const Sizes& sizes,
                        std::vector<Metric>& metrics) {
  const std::vector<Ask> asks = Asks(sizes, sizes.requests * (sizes.repetitions + 1));
  Metric cold{.name = "recommend_cold_p99",
              .unit = "us",
              .values = {},
              .baselines = {},
              .baseline_name = "its p50"};
  for (int i = 0; i < 5; ++i) {
    ForgetFiles(data);
    OurRecommender ours(data);
    const Latencies latencies = Measure(ours, asks, static_cast<size_t>(i) * 100, 100);
    cold.values.push_back(latencies.p99);
    cold.baselines.push_back(latencies.p50);
  }
  OurRecommender ours(data);
  RawRecommender raw(data);
  // Warm: what will be asked for has been asked for once.
  for (const Ask& ask : asks) {
    ours.Run(ask);
    raw.Run(ask);
  }
  Metric warm{.name = "recommend_warm_p99",
              .unit = "us",
              .values = {},
              .baselines = {},
              .baseline_name = "its p50",
              .goal = kAtMostThree};
  Metric median{.name = "recommend_warm_p50",
                .unit = "us",
                .values = {},
                .baselines = {},
                .baseline_name = "raw MultiGet and a copy"};
  const auto count = static_cast<size_t>(sizes.requests);
  for (size_t i = 0; i < static_cast<size_t>(sizes.repetitions); ++i) {
    const Latencies latencies = Measure(ours, asks, i * count, count);
    const Latencies raw_latencies = Measure(raw, asks, i * count, count);
    warm.values.push_back(latencies.p99);
    warm.baselines.push_back(latencies.p50);
    median.values.push_back(latencies.p50);
    median.baselines.push_back(raw_latencies.p50);
  }
  metrics.push_back(std::move(warm));
  metrics.push_back(std::move(median));
  metrics.push_back(std::move(cold));
}

// Of one user's vector, without a flow around it.
void MeasureStores(const std::filesystem::path& data, const Sizes& sizes,
                   std::vector<Metric>& metrics) {
  const auto disk = Wanted(engine::OpenStore({.name = "users",
                                              .kind = "rocksdb",
                                              .source = "users",
                                              .base_dir = data,
                                              .sha256 = "",
                                              .schema = *UserRows(),
                                              .cache_bytes = kCacheBytes}));
  const int64_t num_users = std::min<int64_t>(sizes.users, 20'000);
  const auto memory = Wanted(engine::MakeRowStore(
      Batch(UserRows(), {at::arange(num_users, at::kLong), at::randn({num_users, kWidth})},
            num_users),
      "users"));
  RawRecommender raw(data);
  Zipf zipf(num_users, 3);
  std::vector<Column> keys;
  std::vector<int64_t> numbers;
  for (int i = 0; i < 2000; ++i) {
    numbers.push_back(zipf.Next());
    keys.emplace_back(KeyOf(numbers.back()));
  }
  const std::vector<size_t> columns = {0};
  const engine::CancelToken cancel;
  const auto of_all = [&](const engine::Store& store) {
    return NanosecondsPer(1,
                          [&] {
                            for (const Column& key : keys) Wanted(store.Find(key, columns, cancel));
                          }) /
           static_cast<double>(keys.size());
  };
  const auto raw_copy = [&] {
    return NanosecondsPer(1,
                          [&] {
                            for (const int64_t number : numbers) raw.CopyUser(number);
                          }) /
           static_cast<double>(keys.size());
  };
  const auto values = Interleave(sizes.repetitions, {[&] { return of_all(*disk); }, raw_copy,
                                                     [&] { return of_all(*memory); }});
  metrics.push_back({.name = "find_user_warm",
                     .unit = "ns",
                     .values = values[0],
                     .baselines = values[1],
                     .baseline_name = "raw MultiGet and a copy"});
  metrics.push_back({.name = "find_user_rows",
                     .unit = "ns",
                     .values = values[2],
                     .baselines = values[1],
                     .baseline_name = "raw MultiGet and a copy"});
}

void MeasureIndex(const Sizes& sizes, std::vector<Metric>& metrics) {
  const c10::InferenceMode inference;
  const at::Tensor vectors = at::randn({sizes.vectors, 384});
  const engine::VectorIndex index(vectors, engine::Metric::kDot);
  for (const int64_t num_queries : {1, 32}) {
    const at::Tensor queries = at::randn({num_queries, 384});
    const auto values = Interleave(
        std::max(11, sizes.repetitions / 2),
        {[&] { return NanosecondsPer(3, [&] { index.Search(queries, 10); }) / 1e6; },
         [&] {
           return NanosecondsPer(3, [&] { at::topk(at::matmul(queries, vectors.t()), 10); }) / 1e6;
         }});
    metrics.push_back({.name = "index_" + std::to_string(sizes.vectors / 1000) + "k_queries_" +
                               std::to_string(num_queries),
                       .unit = "ms",
                       .values = values[0],
                       .baselines = values[1],
                       .baseline_name = "raw at::matmul and topk"});
  }
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv, "lookup: what it costs to look up");
  at::set_num_threads(1);
  Sizes sizes;
  if (options.quick) {
    sizes = {
        .users = 20'000, .categories = 16, .vectors = 100'000, .repetitions = 11, .requests = 300};
  }
  const std::filesystem::path data =
      std::filesystem::path("build/bench-data") / (options.quick ? "lookup-quick" : "lookup");
  Generate(data / "users", UserRows(), sizes.users, 10'000, {kWidth});
  Generate(data / "shelf", ShelfRows(), sizes.categories, 4, {kItems, kWidth});
  std::vector<Metric> metrics;
  MeasureRecommender(data, sizes, metrics);
  MeasureStores(data, sizes, metrics);
  MeasureIndex(sizes, metrics);
  Print("lookup", metrics, options);
  return 0;
}

}  // namespace
}  // namespace raceway::bench

int main(int argc, char** argv) { return raceway::bench::Main(argc, argv); }
