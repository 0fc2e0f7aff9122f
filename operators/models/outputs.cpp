#include "operators/models/outputs.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/data/plain_tensor.h"
#include "engine/data/text_tensor.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;
using engine::Type;

Error Failed(std::string message) { return {ErrorCode::kFailed, std::move(message)}; }

bool IsTextDictionary(const c10::IValue& value) {
  return value.isGenericDict() &&
         value.toGenericDict().keyType()->kind() == c10::TypeKind::StringType;
}

/// `values` of parts that all rows of a list have, as one part each.
Result<std::vector<AnswerPart>> Transposed(c10::ArrayRef<c10::IValue> rows) {
  std::vector<AnswerPart> parts;
  for (size_t row = 0; row < rows.size(); ++row) {
    Result<std::vector<AnswerPart>> found = PartsOf(rows[row], 1);
    if (!found) return found;
    if (row == 0) {
      for (const AnswerPart& part : *found) parts.push_back({part.name, {}, {}, true});
    }
    const bool is_alike =
        std::equal(parts.begin(), parts.end(), found->begin(), found->end(),
                   [](const AnswerPart& a, const AnswerPart& b) { return a.name == b.name; });
    if (!is_alike) {
      return Failed("element " + std::to_string(row) +
                    " of the list it answers with is not like element 0");
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i].rows.push_back(std::move((*found)[i].value));
    }
  }
  return parts;
}

Status Take(const c10::IValue& value, const std::string& name, std::vector<AnswerPart>& parts) {
  if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) {
      if (Status taken = Take(element, name, parts); !taken) return taken;
    }
  } else if (IsTextDictionary(value)) {
    for (const auto& entry : value.toGenericDict()) {
      if (Status taken = Take(entry.value(), entry.key().toStringRef(), parts); !taken) {
        return taken;
      }
    }
  } else if (value.isList()) {
    const c10::ArrayRef<c10::IValue> rows = value.toListRef();
    const bool is_compound =
        !rows.empty() && (rows.front().isTuple() || IsTextDictionary(rows.front()));
    if (!is_compound) {
      parts.push_back({name, value, rows.vec(), true});
      return engine::Done{};
    }
    Result<std::vector<AnswerPart>> transposed = Transposed(rows);
    if (!transposed) return std::move(transposed).error();
    for (AnswerPart& part : *transposed) {
      if (part.name.empty()) part.name = name;
      parts.push_back(std::move(part));
    }
  } else {
    parts.push_back({name, value, {}, false});
  }
  return engine::Done{};
}

/// A tensor of an answer, on the CPU.
Result<at::Tensor> Fetched(const at::Tensor& tensor) {
  const bool is_elsewhere = tensor.defined() && !tensor.is_cpu() && !tensor.is_meta();
  at::Tensor fetched = is_elsewhere ? tensor.cpu() : tensor;
  std::string problem = engine::ProblemOf(fetched);
  if (!problem.empty()) return Failed(std::move(problem));
  return fetched;
}

Result<std::vector<at::Tensor>> FetchedRows(const std::vector<c10::IValue>& values) {
  std::vector<at::Tensor> rows;
  rows.reserve(values.size());
  for (const c10::IValue& value : values) {
    Result<at::Tensor> row = Fetched(value.toTensor());
    if (!row) {
      row.error().row_id = static_cast<int64_t>(rows.size());
      return std::move(row).error();
    }
    rows.push_back(*std::move(row));
  }
  return rows;
}

/// "List[int]", of what cannot be a column.
std::string TypeText(const AnswerPart& part) {
  if (!part.value.isNone() || part.rows.empty()) return part.value.type()->annotation_str();
  return "a list of " + part.rows.front().type()->annotation_str();
}

template <typename T, typename Get>
Column Numbers(const std::vector<c10::IValue>& rows, const Get& get) {
  std::vector<T> numbers;
  numbers.reserve(rows.size());
  for (const c10::IValue& row : rows) numbers.push_back(get(row));
  return at::tensor(numbers);
}

/// Each row a list of strings.
Column TextTensors(const std::vector<c10::IValue>& rows) {
  engine::TextBuilder builder(static_cast<int64_t>(rows.size()));
  for (const c10::IValue& row : rows) {
    const c10::ArrayRef<c10::IValue> texts = row.toListRef();
    std::vector<std::string_view> elements;
    elements.reserve(texts.size());
    for (const c10::IValue& text : texts) elements.push_back(text.toStringRef());
    const std::vector<int64_t> shape{static_cast<int64_t>(elements.size())};
    engine::Pack(shape, elements, builder.buffer());
    builder.EndRow();
  }
  return std::move(builder).Build();
}

bool IsListOfTexts(const c10::IValue& value) {
  return value.isList() && value.toList().elementType()->kind() == c10::TypeKind::StringType;
}

Column Cast(const Column& column, const Type& declared) {
  if (column.is_text() || !engine::IsFloat(declared.dtype)) return column;
  const at::ScalarType wanted = engine::ScalarTypeOf(declared.dtype);
  if (column.is_dense()) {
    return column.dense().is_floating_point() ? Column(column.dense().to(wanted)) : column;
  }
  std::vector<at::Tensor> rows = column.ragged();
  for (at::Tensor& row : rows) {
    if (row.is_floating_point()) row = row.to(wanted);
  }
  return Column(std::move(rows));
}

/// "2 outputs"
std::string Count(size_t count) {
  return std::to_string(count) + (count == 1 ? " output" : " outputs");
}

/// The parts that are `outcomes`, in their order.
Result<std::vector<const AnswerPart*>> Match(const std::vector<AnswerPart>& parts,
                                             std::span<const Outcome> outcomes) {
  std::vector<const AnswerPart*> matched;
  const bool has_names = std::any_of(parts.begin(), parts.end(),
                                     [](const AnswerPart& part) { return !part.name.empty(); });
  if (!has_names) {
    if (parts.size() != outcomes.size()) {
      return Failed("it answers with " + Count(parts.size()) + ", declared " +
                    std::to_string(outcomes.size()));
    }
    for (const AnswerPart& part : parts) matched.push_back(&part);
    return matched;
  }
  for (const Outcome& outcome : outcomes) {
    const AnswerPart* found = nullptr;
    for (const AnswerPart& part : parts) {
      if (part.name != outcome.name) continue;
      if (found != nullptr) {
        return Failed("two outputs are called `" + outcome.name + "` in what it answers with");
      }
      found = &part;
    }
    if (found == nullptr) {
      return Failed("no output `" + outcome.name + "` in the dictionary it answers with");
    }
    matched.push_back(found);
  }
  return matched;
}

Result<Column> CheckedColumn(const AnswerPart& part, const Outcome& outcome, int64_t num_rows,
                             bool casts) {
  const std::string output = "output `" + outcome.name + "` ";
  const auto named = [&](Error error) {
    error.message.insert(0, output);
    if (error.row_id >= num_rows) error.row_id = -1;  // the list is longer than it may be
    return error;
  };
  Result<Column> column = ColumnOf(part, outcome.declared, casts);
  if (!column) return named(std::move(column).error());
  const bool has_rows = !column->is_dense() || column->dense().dim() > 0;
  if (has_rows && part.is_list && column->num_rows() != num_rows) {
    return Failed(output + "is a list of " + std::to_string(column->num_rows()) +
                  ", the input has " + std::to_string(num_rows) +
                  (num_rows == 1 ? " row" : " rows"));
  }
  if (Status checked = column->CheckType(outcome.declared); !checked) {
    checked.error().code = ErrorCode::kFailed;
    return named(std::move(checked).error());
  }
  if (column->num_rows() != num_rows) {
    return Failed(output + "has " + std::to_string(column->num_rows()) + " rows, the input " +
                  std::to_string(num_rows));
  }
  return column;
}

}  // namespace

Result<std::vector<AnswerPart>> PartsOf(const c10::IValue& answer, size_t num_results) {
  std::vector<AnswerPart> parts;
  if (Status taken = Take(answer, "", parts); !taken) return std::move(taken).error();
  const bool is_list = parts.size() == 1 && parts.front().is_list && parts.front().name.empty();
  if (num_results < 2 || !is_list) return parts;
  const std::vector<c10::IValue> results = std::move(parts.front().rows);
  parts.clear();
  for (const c10::IValue& result : results) {
    if (Status taken = Take(result, "", parts); !taken) return std::move(taken).error();
  }
  return parts;
}

Result<Column> ColumnOf(const AnswerPart& part, const Type& declared, bool casts) {
  if (!part.is_list) {
    if (part.value.isTensor()) {
      Result<at::Tensor> tensor = Fetched(part.value.toTensor());
      if (!tensor) return std::move(tensor).error();
      const Column column(*std::move(tensor));
      return casts ? Cast(column, declared) : column;
    }
    return Failed("is no tensor but " + TypeText(part));
  }
  if (part.rows.empty()) return Failed("is an empty list");
  const auto are_all = [&part](auto is) {
    return std::all_of(part.rows.begin(), part.rows.end(), is);
  };
  if (are_all([](const c10::IValue& row) { return row.isTensor(); })) {
    Result<std::vector<at::Tensor>> rows = FetchedRows(part.rows);
    if (!rows) return std::move(rows).error();
    const Column column = Column::FromRows(*std::move(rows), declared);
    return casts ? Cast(column, declared) : column;
  }
  if (are_all([](const c10::IValue& row) { return row.isString(); })) {
    engine::TextBuilder builder(static_cast<int64_t>(part.rows.size()));
    for (const c10::IValue& row : part.rows) builder.Append(row.toStringRef());
    return Column(std::move(builder).Build());
  }
  if (are_all(IsListOfTexts)) return TextTensors(part.rows);
  if (are_all([](const c10::IValue& row) { return row.isBool(); })) {
    const Column bytes =
        Numbers<uint8_t>(part.rows, [](const c10::IValue& row) { return row.toBool(); });
    return Column(bytes.dense().to(at::kBool));
  }
  if (are_all([](const c10::IValue& row) { return row.isInt(); })) {
    return Numbers<int64_t>(part.rows, [](const c10::IValue& row) { return row.toInt(); });
  }
  if (are_all([](const c10::IValue& row) { return row.isDouble(); })) {
    const Column numbers =
        Numbers<double>(part.rows, [](const c10::IValue& row) { return row.toDouble(); });
    return Cast(numbers, declared);
  }
  return Failed("is no tensor but " + TypeText(part));
}

Result<std::vector<Column>> ColumnsOf(const c10::IValue& answer, std::span<const Outcome> outcomes,
                                      int64_t num_rows, bool casts) {
  Result<std::vector<AnswerPart>> parts = PartsOf(answer, outcomes.size());
  if (!parts) return std::move(parts).error();
  Result<std::vector<const AnswerPart*>> matched = Match(*parts, outcomes);
  if (!matched) return std::move(matched).error();
  std::vector<Column> columns;
  columns.reserve(outcomes.size());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].declared.is_unknown()) {
      columns.emplace_back();
      continue;
    }
    Result<Column> column = CheckedColumn(*(*matched)[i], outcomes[i], num_rows, casts);
    if (!column) return std::move(column).error();
    columns.push_back(*std::move(column));
  }
  return columns;
}

Status CutPadding(std::span<Column> results, std::span<const Outcome> outcomes,
                  const Padding& padding, std::span<const int64_t> lengths) {
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  for (const Padding::Place& place : padding.outputs) {
    const Outcome& outcome = outcomes[place.column];
    if (outcome.declared.is_unknown()) continue;
    Column& result = results[place.column];
    std::vector<at::Tensor> rows;
    rows.reserve(lengths.size());
    for (size_t row = 0; row < lengths.size(); ++row) {
      at::Tensor tensor = result.Row(static_cast<int64_t>(row));
      if (tensor.size(place.dim) != longest) {
        return Failed("output `" + outcome.name + "` has " +
                      std::to_string(tensor.size(place.dim)) +
                      " in the padded dimension, the input " + std::to_string(longest));
      }
      rows.push_back(tensor.narrow(place.dim, 0, lengths[row]));
    }
    if (std::any_of(lengths.begin(), lengths.end(), [&](int64_t l) { return l != longest; })) {
      result = Column::FromRows(std::move(rows), outcome.declared);
    }
  }
  return engine::Done{};
}

}  // namespace raceway::operators
