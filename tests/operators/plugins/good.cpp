// A plugin whose functions do what tests ask for, some of them wrongly.
#include <ATen/ops/mul.h>
#include <ATen/ops/zeros.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "operators/plugin.h"

namespace plugin = raceway::plugin;
using plugin::Column;
using plugin::Context;
using plugin::NewColumn;
using plugin::NewRow;
using plugin::Row;

namespace {

using Columns = std::span<const Column>;
using NewColumns = std::vector<NewColumn>;

void AddRight(plugin::Library& library) {
  library.Add("twice(x: f32[N]) -> (y: f32[N])")
      .Doc("Twice.")
      .Rows([](Row row, const Context&) -> NewRow { return {at::mul(row[0].tensor(), 2)}; });
  library.Add("scale(x: f32[N]) -> (y: f32[N])")
      .Doc("Times a factor.")
      .With({.name = "by",
             .kind = plugin::Kind::kNumber,
             .doc = "The factor.",
             .required = true,
             .least = 0,
             .greatest = 10})
      .With({.name = "how", .doc = "Nothing.", .allowed = {"up", "down"}})
      .Batches([](const plugin::Settings& settings) -> plugin::BatchFunction {
        const double by = settings.Number("by");
        if (by == 7) throw std::invalid_argument("7 is unlucky");
        return [by](Columns in, const Context&) -> NewColumns {
          if (in[0].is_dense()) return {at::mul(in[0].dense(), by)};
          std::vector<at::Tensor> rows;
          for (const at::Tensor& row : in[0].ragged()) rows.push_back(at::mul(row, by));
          return {rows};
        };
      });
  library.Add("text.join(a: string, n: i64) -> (b: string, bytes: i64, more: bool)")
      .Doc("A text and a number.")
      .Rows([](Row row, const Context&) -> NewRow {
        std::string text(row[0].text());
        text += std::to_string(row[1].number<int64_t>());
        const auto bytes = static_cast<int64_t>(text.size());
        return {text, bytes, bytes > 3};
      });
  library.Add("text.upper(a: string) -> (b: string)")
      .Doc("Whole.")
      .Batches([](Columns in, const Context&) -> NewColumns {
        std::vector<std::string> texts;
        for (const std::string_view text : in[0].texts()) texts.push_back(std::string(text) + "!");
        return {texts};
      });
  library.Add("sized(n: i64) -> (z: f32[K])")
      .Doc("Zeros, as many as declared.")
      .Rows([](const plugin::Settings& settings) -> plugin::RowFunction {
        const int64_t size = settings.result_shape(0)[0];
        if (size < 0) throw std::invalid_argument("wants a result with a size");
        return [size](Row, const Context&) -> NewRow { return {at::zeros({size})}; };
      });
  library.Add("sized.and(n: i64) -> (z: f32[K], k: i64)")
      .Doc("Zeros, as many as declared, and how many.")
      .Rows([](const plugin::Settings& settings) -> plugin::RowFunction {
        const int64_t size = settings.result_shape(0)[0];
        return [size](Row, const Context&) -> NewRow {
          return {at::zeros({std::max<int64_t>(size, 0)}), size};
        };
      });
  library.Add("read(n: i64) -> (text: string)")
      .Doc("What is in a file.")
      .With({.name = "file", .kind = plugin::Kind::kFile, .doc = "A file.", .required = true})
      .Rows([](const plugin::Settings& settings) -> plugin::RowFunction {
        std::ifstream file(settings.Text("file"));
        std::string text(std::istreambuf_iterator<char>(file), {});
        return [text](Row, const Context&) -> NewRow { return {text}; };
      });
}

void AddThrowing(plugin::Library& library) {
  library.Add("strict(n: i64) -> (m: i64)")
      .Doc("Refuses odd numbers.")
      .Rows([](Row row, const Context&) -> NewRow {
        const auto n = row[0].number<int64_t>();
        if (n % 2 != 0) throw std::runtime_error(std::to_string(n) + " is odd");
        return {n};
      });
  library.Add("strict_batch(n: i64) -> (m: i64)")
      .Doc("The same.")
      .Batches([](Columns in, const Context& context) -> NewColumns {
        for (int64_t row = 0; row < context.num_rows(); ++row) {
          if (in[0].tensor(row).item<int64_t>() % 2 != 0) throw plugin::RowError(row, "odd");
        }
        return {in[0].dense()};
      });
  library.Add("rude(n: i64) -> (m: i64)")
      .Doc("Throws a number.")
      .Rows([](Row, const Context&) -> NewRow { throw 42; });
  library.Add("torch(n: i64) -> (m: i64)")
      .Doc("LibTorch throws.")
      .Rows([](Row, const Context&) -> NewRow { return {at::zeros({2}).view({3})}; });
  library.Add("patient(n: i64) -> (m: i64)")
      .Doc("Waits until it should stop.")
      .Rows([](Row, const Context& context) -> NewRow {
        while (!context.should_stop()) ::usleep(1000);
        return {};
      });
}

void AddOdd(plugin::Library& library) {
  library.Add("sparse(n: i64) -> (y: f32[2])")
      .Doc("A sparse tensor in the row of a 1.")
      .Rows([](Row row, const Context&) -> NewRow {
        const at::Tensor zeros = at::zeros({2});
        return {row[0].number<int64_t>() == 1 ? zeros.to_sparse() : zeros};
      });
  library.Add("complex(n: i64) -> (y: f32[2])")
      .Doc("Complex numbers.")
      .Batches([](Columns, const Context& context) -> NewColumns {
        return {at::zeros({context.num_rows(), 2}, at::kComplexFloat)};
      });
}

void AddWrong(plugin::Library& library) {
  const auto add = [&](const char* signature, auto answer) {
    library.Add(signature).Doc("Wrong.").Rows(
        [answer](Row row, const Context&) -> NewRow { return answer(row); });
  };
  add("none(n: i64) -> (m: i64)", [](Row) -> NewRow { return {}; });
  add("undefined(n: i64) -> (m: i64)", [](Row) -> NewRow { return {at::Tensor()}; });
  add("other_type(n: i64) -> (m: i64)", [](Row) -> NewRow { return {1.5}; });
  add("text_for_number(n: i64) -> (m: i64)", [](Row) -> NewRow { return {"one"}; });
  add("number_for_text(n: i64) -> (m: string)", [](Row) -> NewRow { return {int64_t{1}}; });
  add("not_utf8(n: i64) -> (m: string)", [](Row) -> NewRow { return {"a\xff"}; });
  add("other_size(x: f32[N]) -> (y: f32[N])", [](Row row) -> NewRow {
    const int64_t size = row[0].tensor().size(0);
    return {at::zeros({size == 3 ? 4 : size})};
  });
  add("mixed(n: i64) -> (m: i64)", [](Row row) -> NewRow {
    if (row[0].number<int64_t>() == 1) return {"one"};
    return {int64_t{0}};
  });
  library.Add("too_few(n: i64) -> (m: i64)")
      .Doc("Wrong.")
      .Batches(
          [](Columns in, const Context&) -> NewColumns { return {in[0].dense().narrow(0, 0, 1)}; });
  library.Add("no_rows(n: i64) -> (m: i64)")
      .Doc("Wrong.")
      .Batches([](Columns, const Context&) -> NewColumns { return {at::zeros({})}; });
}

}  // namespace

RACEWAY_PLUGIN(library) {
  AddRight(library);
  AddThrowing(library);
  AddOdd(library);
  AddWrong(library);
}
