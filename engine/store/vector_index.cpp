#include "engine/store/vector_index.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/topk.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/data/batch.h"
#include "engine/data/text_tensor.h"
#include "engine/input_file.h"
#include "engine/rows/read_rows.h"

namespace raceway::engine {
namespace {

/// Scores that are in memory at once.
constexpr int64_t kMostScores = int64_t{4} << 20;

/// Of length 1; what is all zeros stays so.
at::Tensor Normalised(const at::Tensor& vectors) {
  const at::Tensor length = at::linalg_vector_norm(vectors, 2, {{1}}, true);
  return vectors / length.clamp_min(1e-30);
}

/// The `top` best of two sets, [queries, n] and [queries, m]. The best first.
VectorIndex::Nearest BestOf(const VectorIndex::Nearest& a, const VectorIndex::Nearest& b,
                            int64_t top) {
  const at::Tensor scores = a.scores.defined() ? at::cat({a.scores, b.scores}, 1) : b.scores;
  const at::Tensor rows = a.rows.defined() ? at::cat({a.rows, b.rows}, 1) : b.rows;
  const auto [best, places] = at::topk(scores, std::min(top, scores.size(1)), 1);
  return {at::gather(rows, 1, places), best};
}

/// Equal scores of those found in the order of the rows, whatever the kernel made of them.
void OrderTies(VectorIndex::Nearest& nearest) {
  const auto [rows, by_row] = at::sort(nearest.rows, 1);
  const at::Tensor scores = at::gather(nearest.scores, 1, by_row);
  const auto [sorted, by_score] = at::sort(scores, true, 1, true);
  nearest = {at::gather(rows, 1, by_score), sorted};
}

class IndexStore final : public Store {
 public:
  /// What a column of the answer is made of.
  enum class From { kScore, kDistance, kFile };
  struct Source {
    From from = From::kFile;
    size_t column = 0;  // of `rows`
  };

  IndexStore(std::string name, Batch rows, std::vector<Source> sources, int64_t top, Metric metric)
      : name_(std::move(name)),
        rows_(std::move(rows)),
        sources_(std::move(sources)),
        top_(top),
        metric_(metric),
        index_(rows_.column(0).dense(), metric) {}

  Result<Found> Find(const Column& keys, std::span<const size_t> columns,
                     const CancelToken& cancel) const override {
    const c10::InferenceMode inference;
    const int64_t num_keys = keys.num_rows();
    Found found{std::vector<bool>(static_cast<size_t>(num_keys), true), {}};
    if (num_keys == 0) {
      // The caller has the types; no rows of any have the right shape.
      found.columns.resize(columns.size());
      return found;
    }
    const at::Tensor& queries = keys.dense();
    const at::Tensor is_finite = at::isfinite(queries).all(1);
    if (!is_finite.all().item<bool>()) {
      return Error{.code = ErrorCode::kFailed,
                   .message = "store " + name_ + ": the key has values that are not finite",
                   .row_id = at::argmin(is_finite.to(at::kByte)).item<int64_t>()};
    }
    const Result<VectorIndex::Nearest> nearest = Search(queries, cancel);
    if (!nearest) return nearest.error();
    for (const size_t column : columns) {
      found.columns.push_back(ColumnOf(sources_[column], *nearest, num_keys));
    }
    return found;
  }

 private:
  Result<VectorIndex::Nearest> Search(const at::Tensor& queries, const CancelToken& cancel) const {
    std::vector<at::Tensor> rows;
    std::vector<at::Tensor> scores;
    for (int64_t first = 0; first < queries.size(0); first += VectorIndex::kMostQueries) {
      if (const std::optional<ErrorCode> stop = cancel.Check()) {
        return Error{*stop, std::string(NameOf(*stop))};
      }
      const int64_t count = std::min(VectorIndex::kMostQueries, queries.size(0) - first);
      const VectorIndex::Nearest found = index_.Search(queries.narrow(0, first, count), top_);
      rows.push_back(found.rows);
      scores.push_back(found.scores);
    }
    return VectorIndex::Nearest{at::cat(rows, 0), at::cat(scores, 0)};
  }

  Column ColumnOf(const Source& source, const VectorIndex::Nearest& nearest,
                  int64_t num_keys) const {
    if (source.from == From::kScore) return nearest.scores;
    if (source.from == From::kDistance) {
      return metric_ == Metric::kL2 ? nearest.scores : 1 - nearest.scores;
    }
    const at::Tensor flat = nearest.rows.reshape({-1}).contiguous();
    const std::span<const int64_t> rows(flat.const_data_ptr<int64_t>(),
                                        static_cast<size_t>(flat.numel()));
    const Column& column = rows_.column(source.column);
    if (column.is_text()) return Texts(column.text(), rows, num_keys);
    std::vector<int64_t> sizes = column.dense().sizes().vec();
    sizes[0] = top_;
    sizes.insert(sizes.begin(), num_keys);
    return column.Take(rows).dense().reshape(sizes);
  }

  /// string[top] for each key.
  Column Texts(const TextColumn& texts, std::span<const int64_t> rows, int64_t num_keys) const {
    TextBuilder builder(num_keys);
    const int64_t shape[] = {top_};
    std::vector<std::string_view> elements(static_cast<size_t>(top_));
    for (size_t key = 0; key < static_cast<size_t>(num_keys); ++key) {
      for (size_t i = 0; i < elements.size(); ++i) {
        elements[i] = texts[rows[key * elements.size() + i]];
      }
      Pack(shape, elements, builder.buffer());
      builder.EndRow();
    }
    return std::move(builder).Build();
  }

  std::string name_;
  Batch rows_;  // of the file; the key first
  std::vector<Source> sources_;
  int64_t top_;
  Metric metric_;
  VectorIndex index_;
};

/// What the declaration of a store says of its file.
struct IndexColumns {
  std::vector<Field> fields;  // of the file; the key first
  std::vector<IndexStore::Source> sources;
  int64_t top = 0;
};

Error Bad(const StoreSpec& spec, const std::string& what) {
  return {ErrorCode::kInvalidArgument, "store " + spec.name + ": " + what};
}

/// What cannot be a column of an index, as `score` and `distance` are how near the rows are.
std::string Misfit(const Field& field, Metric metric) {
  const bool is_score = field.name == "score";
  if (!is_score && field.name != "distance") {
    return IsText(field.type.dtype) && field.type.shape.size() != 1
               ? "is not one text a row: string[top]"
               : "";
  }
  if (field.type.dtype != DataType::kF32 || field.type.shape.size() != 1) return "is f32[top]";
  if (is_score && metric == Metric::kL2) return "is not what metric l2 gives: name it `distance`";
  if (!is_score && metric == Metric::kDot) return "is not what metric dot gives: name it `score`";
  return "";
}

Result<IndexColumns> ReadColumns(const StoreSpec& spec, Metric metric) {
  const Type& key = spec.schema[0].type;
  if (key.dtype != DataType::kF32 || key.optional || key.shape.size() != 1 || !key.is_fixed()) {
    return Bad(spec, "an index is searched by f32[size], `" + spec.schema[0].name + "` is " +
                         ToString(key));
  }
  IndexColumns columns{{spec.schema[0]}, {}, 0};
  for (size_t i = 1; i < spec.schema.size(); ++i) {
    const Field& field = spec.schema[i];
    const bool is_list = !field.type.shape.empty() && field.type.is_fixed() && !field.type.optional;
    if (!is_list || field.type.shape[0].size < 1) {
      return Bad(spec, "of `" + field.name + ": " + ToString(field.type) +
                           "` the first size says how many are wanted: T[top]");
    }
    if (columns.top != 0 && columns.top != field.type.shape[0].size) {
      return Bad(spec, "`" + field.name + "` has " + ToString(field.type.shape[0]) +
                           " rows, others have " + std::to_string(columns.top));
    }
    columns.top = field.type.shape[0].size;
    if (const std::string misfit = Misfit(field, metric); !misfit.empty()) {
      return Bad(spec, "`" + field.name + ": " + ToString(field.type) + "` " + misfit);
    }
    if (field.name == "score" || field.name == "distance") {
      columns.sources.push_back(
          {field.name == "score" ? IndexStore::From::kScore : IndexStore::From::kDistance, 0});
      continue;
    }
    Type type = field.type;
    type.shape.erase(type.shape.begin());
    columns.sources.push_back({IndexStore::From::kFile, columns.fields.size()});
    columns.fields.push_back({field.name, type});
  }
  return columns;
}

}  // namespace

std::optional<Metric> MetricFromName(std::string_view name) {
  if (name == "cosine") return Metric::kCosine;
  if (name == "dot") return Metric::kDot;
  if (name == "l2") return Metric::kL2;
  return std::nullopt;
}

VectorIndex::VectorIndex(at::Tensor vectors, Metric metric)
    : vectors_(std::move(vectors)), metric_(metric) {
  const c10::InferenceMode inference;
  vectors_ = (metric == Metric::kCosine ? Normalised(vectors_) : vectors_).contiguous();
}

at::Tensor VectorIndex::Nearness(const at::Tensor& queries, const at::Tensor& vectors) const {
  if (metric_ != Metric::kL2) return at::mm(queries, vectors.t());
  // By differences: of vectors far from the origin a product of matrices (mode 0 and 1) loses them.
  constexpr int64_t kNoProduct = 2;
  return at::cdist(queries, vectors, 2, kNoProduct).neg_();
}

VectorIndex::Nearest VectorIndex::Search(const at::Tensor& queries, int64_t top) const {
  const c10::InferenceMode inference;
  const at::Tensor wanted = metric_ == Metric::kCosine ? Normalised(queries) : queries;
  const int64_t block = kMostScores / queries.size(0);
  Nearest best;
  for (int64_t begin = 0; begin < num_vectors(); begin += block) {
    const int64_t size = std::min(block, num_vectors() - begin);
    const at::Tensor near = Nearness(wanted, vectors_.narrow(0, begin, size));
    auto [best_here, places] = at::topk(near, std::min(top, size), 1);
    best = BestOf(best, {places + begin, best_here}, top);
  }
  OrderTies(best);
  if (metric_ == Metric::kL2) best.scores = best.scores.neg();
  return best;
}

Result<std::shared_ptr<const Store>> ReadVectorIndex(const StoreSpec& spec) {
  const std::optional<Metric> metric = MetricFromName(spec.metric.empty() ? "cosine" : spec.metric);
  if (!metric) return Bad(spec, "there is no metric `" + spec.metric + "`");
  Result<IndexColumns> columns = ReadColumns(spec, *metric);
  if (!columns) return std::move(columns).error();
  const std::filesystem::path path = spec.base_dir / spec.source;
  Result<std::string> text = ReadFile(path);
  if (!text) return Error{text.error().code, "store " + spec.name + ": " + text.error().message};
  Result<Batch> rows =
      RowsFromJson(*text, spec.source, path.parent_path(),
                   std::make_shared<const Schema>(columns->fields), "store " + spec.name);
  if (!rows) return std::move(rows).error();
  if (rows->num_rows() < columns->top) {
    return Bad(spec, "`" + spec.source + "` has " + std::to_string(rows->num_rows()) +
                         " vectors, fewer than the " + std::to_string(columns->top) +
                         " nearest that are wanted");
  }
  const at::Tensor is_finite = at::isfinite(rows->column(0).dense()).all(1);
  if (!is_finite.all().item<bool>()) {
    const auto row = at::argmin(is_finite.to(at::kByte)).item<int64_t>();
    return Bad(spec, "`" + spec.source + "`: vector " + std::to_string(row + 1) +
                         " has values that are not finite");
  }
  return std::shared_ptr<const Store>(std::make_shared<IndexStore>(
      spec.name, *std::move(rows), std::move(columns->sources), columns->top, *metric));
}

}  // namespace raceway::engine
