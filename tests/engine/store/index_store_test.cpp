#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "engine/data/text_tensor.h"
#include "engine/store/open_store.h"
#include "engine/store/vector_index.h"
#include "tests/engine/store/stores.h"

namespace raceway::engine {
namespace {

using testing::Found;
using ::testing::HasSubstr;
using testing::S;
using testing::Vectors;

/// All scores, sorted: what the index must find, the plain way.
at::Tensor Scores(const at::Tensor& queries, const at::Tensor& vectors, Metric metric) {
  if (metric == Metric::kL2) {
    return std::get<0>(at::sort(
        at::linalg_vector_norm(queries.unsqueeze(1) - vectors.unsqueeze(0), 2, {{2}}), 1, false));
  }
  at::Tensor scores = at::matmul(queries, vectors.t());
  if (metric == Metric::kCosine) {
    scores = scores / at::linalg_vector_norm(queries, 2, {{1}}, true) /
             at::linalg_vector_norm(vectors, 2, {{1}}).unsqueeze(0);
  }
  return std::get<0>(at::sort(scores, 1, true));
}

TEST(VectorIndexTest, FindsTheNearest) {
  const at::Tensor vectors = at::randn({3000, 16});
  const at::Tensor queries = at::randn({70, 16});
  for (const Metric metric : {Metric::kCosine, Metric::kDot, Metric::kL2}) {
    const VectorIndex index(vectors, metric);
    const VectorIndex::Nearest nearest = index.Search(queries, 5);
    const at::Tensor expected = Scores(queries, vectors, metric).narrow(1, 0, 5);
    EXPECT_TRUE(nearest.scores.allclose(expected, 1e-4, 1e-4)) << static_cast<int>(metric);
    const at::Tensor first = vectors.index_select(0, nearest.rows.select(1, 0));
    const at::Tensor again =
        at::cat({Scores(queries.narrow(0, 3, 1), first.narrow(0, 3, 1), metric)});
    EXPECT_NEAR(again.item<double>(), nearest.scores.select(1, 0).select(0, 3).item<double>(),
                1e-4);
  }
}

TEST(VectorIndexTest, SeveralBlocksAreOne) {
  // More vectors than one block has for 256 queries.
  const at::Tensor vectors = at::randn({20'000, 4});
  const at::Tensor queries = at::randn({250, 4});
  const VectorIndex index(vectors, Metric::kL2);
  EXPECT_TRUE(
      index.Search(queries, 3)
          .scores.allclose(Scores(queries, vectors, Metric::kL2).narrow(1, 0, 3), 1e-4, 1e-4));
}

TEST(VectorIndexTest, OneByOneIsTheSame) {
  const at::Tensor queries = at::randn({40, 8});
  const VectorIndex index(at::randn({5000, 8}), Metric::kCosine);
  const VectorIndex::Nearest all = index.Search(queries, 7);
  for (int64_t i = 0; i < queries.size(0); ++i) {
    const VectorIndex::Nearest one = index.Search(queries.narrow(0, i, 1), 7);
    EXPECT_TRUE(one.rows.equal(all.rows.narrow(0, i, 1)));
    EXPECT_TRUE(one.scores.allclose(all.scores.narrow(0, i, 1), 1e-5, 1e-5));
  }
}

TEST(VectorIndexTest, DistancesOfTheSameAreZeroAndTiesInOrder) {
  const at::Tensor far = at::tensor({1e4, 1e4, 1e4, 1e4 + 1}, at::kFloat).view({2, 2});
  const VectorIndex index(at::cat({far, far}), Metric::kL2);
  const VectorIndex::Nearest nearest = index.Search(far.narrow(0, 0, 1), 4);
  EXPECT_EQ(testing::Text(nearest.rows), "[[0, 2, 1, 3]]");
  EXPECT_EQ(testing::Text(nearest.scores), "[[0, 0, 1, 1]]");
}

TEST(VectorIndexTest, FindsTheNearestFarFromTheOrigin) {
  // Places in metres, half a metre apart: UTM coordinates of a street.
  const at::Tensor steps = at::arange(0, 500, at::kFloat);
  const at::Tensor vectors = at::stack({steps / 2 + 500'000, at::full({500}, 4'649'776.0)}, 1);
  const VectorIndex index(vectors, Metric::kL2);
  const at::Tensor query = at::tensor({500'100.125, 4'649'776.0}, at::kFloat).view({1, 2});
  const VectorIndex::Nearest nearest = index.Search(query, 3);
  EXPECT_EQ(testing::Text(nearest.rows), "[[200, 201, 199]]");
  EXPECT_EQ(testing::Text(nearest.scores), "[[0.125, 0.375, 0.625]]");
}

class IndexStoreTest : public testing::FolderTest {
 protected:
  IndexStoreTest() {
    Write(R"({"vec": [1, 0], "name": "east", "at": 1}
{"vec": [0, 2], "name": "north", "at": 2}
{"vec": [-3, 0], "name": "west", "at": 3}
)");
  }

  void Write(const std::string& rows) { std::ofstream(folder_ / "places.jsonl") << rows; }

  StoreSpec Spec(const SchemaPtr& schema, const std::string& metric) const {
    return {.name = "places",
            .kind = "index",
            .source = "places.jsonl",
            .base_dir = folder_,
            .sha256 = "",
            .schema = *schema,
            .metric = metric};
  }

  std::string Answer(const SchemaPtr& schema, const std::string& metric, const Column& keys,
                     const std::vector<size_t>& columns) {
    const auto store = OpenStore(Spec(schema, metric));
    return store ? Found(**store, keys, columns) : store.error().Text();
  }
};

TEST_F(IndexStoreTest, GivesTheNearestRowsAndHowNear) {
  const auto schema =
      S({{"vec", "f32[2]"}, {"at", "i64[2]"}, {"score", "f32[2]"}, {"name", "string[2]"}});
  const Column keys = Vectors({{2, 0}, {0, 1}});
  EXPECT_EQ(Answer(schema, "cosine", keys, {0, 1}), "[1, 2] [2, 1] | [1, 0] [1, 0]");
  EXPECT_EQ(Answer(schema, "dot", keys, {1, 0}), "[2, 0] [2, 0] | [1, 2] [2, 1]");
  const auto distance =
      S({{"vec", "f32[2]"}, {"at", "i64[2]"}, {"distance", "f32[2]"}, {"name", "string[2]"}});
  EXPECT_EQ(Answer(distance, "l2", keys, {0, 1}), "[1, 2] [2, 1] | [1, 2.82843] [1, 1.41421]");
  EXPECT_EQ(Answer(distance, "cosine", keys, {1}), "[0, 1] [0, 1]");
}

TEST_F(IndexStoreTest, GivesTexts) {
  const auto schema = S({{"vec", "f32[2]"}, {"name", "string[2]"}, {"at", "i64[2]"}});
  const auto store = OpenStore(Spec(schema, "cosine"));
  ASSERT_TRUE(store.ok()) << store.error().Text();
  const std::vector<size_t> columns = {0};
  const auto found = (*store)->Find(Vectors({{-1, 0.5}}), columns, CancelToken());
  const auto texts = Unpack(found->columns[0].text()[0]);
  ASSERT_TRUE(texts.has_value());
  EXPECT_THAT(texts->elements, ::testing::ElementsAre("west", "north"));
}

TEST_F(IndexStoreTest, TakesAnyNumberOfKeysAndStopsWhenTheRequestDoes) {
  const auto schema = S({{"vec", "f32[2]"}, {"at", "i64[1]"}, {"name", "string[1]"}});
  const auto store = OpenStore(Spec(schema, "dot"));
  ASSERT_TRUE(store.ok()) << store.error().Text();
  at::Tensor keys = at::zeros({600, 2});
  keys.select(1, 0).narrow(0, 0, 300).fill_(1);
  keys.select(1, 1).narrow(0, 300, 300).fill_(1);
  const std::vector<size_t> columns = {0};
  CancelToken cancel;
  const auto found = (*store)->Find(keys, columns, cancel);
  ASSERT_TRUE(found.ok()) << found.error().Text();
  EXPECT_EQ(found->columns[0].num_rows(), 600);
  EXPECT_EQ(testing::TextOfRow(found->columns[0], 299), "[1]");
  EXPECT_EQ(testing::TextOfRow(found->columns[0], 300), "[2]");
  cancel.Cancel();
  EXPECT_EQ((*store)->Find(keys, columns, cancel).error().code, ErrorCode::kCancelled);
}

TEST_F(IndexStoreTest, RefusesColumnsThatItCannotGive) {
  const auto error = [&](const std::string& name, const std::string& type, const char* metric) {
    return Answer(S({{"vec", "f32[2]"}, {name, type}}), metric, {}, {});
  };
  EXPECT_THAT(error("name", "string[2, 3]", "dot"),
              HasSubstr("is not one text a row: string[top]"));
  EXPECT_THAT(error("score", "f32[2]", "l2"), HasSubstr("name it `distance`"));
  EXPECT_THAT(error("distance", "f32[2]", "dot"), HasSubstr("name it `score`"));
  EXPECT_THAT(error("score", "f64[2]", "dot"), HasSubstr("is f32[top]"));
}

TEST_F(IndexStoreTest, SaysWhatIsWrong) {
  const auto schema = S({{"vec", "f32[2]"}, {"name", "string[2]"}, {"at", "i64[2]"}});
  const auto more = S({{"vec", "f32[2]"}, {"name", "string[4]"}, {"at", "i64[4]"}});
  EXPECT_EQ(Answer(more, "cosine", {}, {}),
            "store places: `places.jsonl` has 3 vectors, fewer than the 4 nearest that are wanted");
  EXPECT_EQ(Answer(S({{"vec", "f32[2]"}, {"name", "string[2]"}, {"at", "i64[3]"}}), "dot", {}, {}),
            "store places: `at` has 3 rows, others have 2");
  EXPECT_THAT(Answer(S({{"vec", "f32[N]"}, {"at", "i64[2]"}}), "dot", {}, {}),
              HasSubstr("an index is searched by f32[size], `vec` is f32[N]"));
  EXPECT_EQ(Answer(S({{"vec", "f32[3]"}, {"name", "string[2]"}, {"at", "i64[2]"}}), "dot", {}, {}),
            "places.jsonl:1: `vec` is f32[2], declared f32[3]");
  EXPECT_EQ(Answer(schema, "dot", Vectors({{0, 0}, {0, NAN}}), {1}),
            "row 2: store places: the key has values that are not finite");
  EXPECT_EQ(OpenStore(Spec(schema, "near")).error().Text(),
            "store places: there is no metric `near`");
  std::filesystem::remove(folder_ / "places.jsonl");
  EXPECT_EQ(OpenStore(Spec(schema, "dot")).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace raceway::engine
