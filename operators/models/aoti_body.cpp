#include "operators/models/aoti_body.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace raceway::operators {
namespace {

/// A dimension of an input.
using Place = std::pair<size_t, size_t>;

/// The number that follows `before` in `line`.
std::optional<size_t> NumberAfter(std::string_view line, std::string_view before) {
  const size_t at = line.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + before.size());
  size_t number = 0;
  if (std::from_chars(line.data(), line.data() + line.size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

/// The word in front of `after`.
std::string WordBefore(std::string_view line, std::string_view after) {
  const size_t end = line.find(after);
  if (end == std::string_view::npos) return {};
  const size_t begin = line.substr(0, end).find_last_of(" &*");
  return std::string(line.substr(begin + 1, end - begin - 1));
}

/// Names that the body gives to inputs and weights, and the sizes that it reads.
struct Names {
  std::vector<std::string> inputs;
  std::vector<std::string> weights;
  std::vector<Place> read;  // `int64_t s37 = arg2_1_size[0];`
};

Names NamesIn(std::string_view body, size_t num_inputs) {
  Names names;
  names.inputs.resize(num_inputs);
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(line.size() + 1, body.size()));
    if (const auto input = NumberAfter(line, " = std::move(inputs[");
        input && *input < num_inputs) {
      names.inputs[*input] = WordBefore(line, " = std::move(inputs[");
    } else if (NumberAfter(line, " = constants_->at(")) {
      names.weights.push_back(WordBefore(line, " = constants_->at("));
    } else if (line.find("    int64_t ") == 0 && line.find(" = ") != std::string_view::npos) {
      for (size_t i = 0; i < num_inputs; ++i) {
        const auto dim = NumberAfter(line, " = " + names.inputs[i] + "_size[");
        if (dim && !names.inputs[i].empty()) names.read.emplace_back(i, *dim);
      }
    }
  }
  return names;
}

bool Contains(std::string_view text, const std::string& part) {
  return text.find(part) != std::string_view::npos;
}

/// Whether `name` is what a kernel writes (its pointer is no pointer to const), an operator changes
/// in place (`…_(name`, `…_out(name`), or memory that is used again.
bool IsWritten(std::string_view body, const std::string& name) {
  const std::string pointer = "*)(" + name + ".data_ptr())";
  for (size_t at = body.find(pointer); at != std::string_view::npos;
       at = body.find(pointer, at + 1)) {
    const size_t cast = body.substr(0, at).rfind('(');
    if (!body.substr(cast).starts_with("(const ")) return true;
  }
  constexpr std::string_view kView = "wrap_with_raii_handle_if_needed(reinterpret_tensor_wrapper(";
  for (const std::string& view : {std::string(), std::string(kView)}) {
    for (const char* call : {"_(", "_out("}) {
      if (Contains(body, call + view + name + ",") || Contains(body, call + view + name + ")")) {
        return true;
      }
    }
  }
  return Contains(body, "= std::move(" + name + ")");
}

/// Each symbol is read from the first dimension that has it; others that are not fixed have one of
/// those, without being looked at.
std::optional<std::vector<AotiTie>> TiesOf(const std::vector<Place>& read,
                                           std::span<const AotiInput> inputs) {
  const auto is_read = [&](Place place) {
    return std::find(read.begin(), read.end(), place) != read.end();
  };
  const bool has_rows =
      std::any_of(read.begin(), read.end(), [](const Place& place) { return place.second == 0; });
  std::vector<AotiTie> ties;
  for (size_t input = 0; input < inputs.size(); ++input) {
    const std::vector<AotiInput::Dim>& dims = inputs[input].dims;
    for (size_t dim = 0; dim < dims.size(); ++dim) {
      if (dims[dim].is_fixed() || is_read({input, dim})) continue;
      if (dim == 0) {  // the rows, of which all inputs have as many
        if (!has_rows) return std::nullopt;
        continue;
      }
      std::vector<Place> with;
      for (const Place& place : read) {
        if (place.second == 0 || place.second >= inputs[place.first].dims.size()) continue;
        const AotiInput::Dim& other = inputs[place.first].dims[place.second];
        if (other.min == dims[dim].min && other.max == dims[dim].max) with.push_back(place);
      }
      if (with.size() != 1) return std::nullopt;
      ties.push_back({input, dim, with[0].first, with[0].second});
    }
  }
  return ties;
}

}  // namespace

std::optional<AotiBody> BodyOfWrapper(std::string_view source, std::span<const AotiInput> inputs) {
  const size_t begin = source.find("void AOTInductorModel::run_impl(");
  if (begin == std::string_view::npos) return std::nullopt;
  std::string_view body = source.substr(begin);
  body = body.substr(0, body.find("} // AOTInductorModel::run_impl"));
  const Names names = NamesIn(body, inputs.size());
  std::optional<std::vector<AotiTie>> ties = TiesOf(names.read, inputs);
  if (!ties) return std::nullopt;
  const auto are_written = [&](const std::vector<std::string>& all) {
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& name) { return IsWritten(body, name); });
  };
  return AotiBody{*std::move(ties), are_written(names.inputs), are_written(names.weights)};
}

}  // namespace raceway::operators
