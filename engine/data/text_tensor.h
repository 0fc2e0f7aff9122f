#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace raceway::engine {

/// A tensor of strings: the elements with the last dimension fastest. A column of them is a text
/// column; each of its rows is one such tensor, packed, so that whatever only passes rows on knows
/// nothing of it.
struct TextTensor {
  std::vector<int64_t> shape;
  std::vector<std::string_view> elements;
};

/// Appends the tensor to `row`. There are as many elements as the shape says (asserted).
void Pack(std::span<const int64_t> shape, std::span<const std::string_view> elements,
          std::string& row);

/// The tensor in a row of a text column; its elements live as long as `row`. Nothing where the
/// bytes are none.
std::optional<TextTensor> Unpack(std::string_view row);
/// The same for a column that was checked when it came in: there only a row without a value is no
/// tensor, which is one without elements here.
TextTensor UnpackOrEmpty(std::string_view row);

/// Gathers the elements of a tensor that is read from nested lists.
class TextTensorBuilder {
 public:
  /// A list of `size` items at `depth`. False where another one at that depth had another size.
  bool AddList(size_t depth, int64_t size);
  void AddElement(std::string_view text) { elements_.emplace_back(text); }
  /// Packed; an empty list stops the descent, then the dimensions below it are
  /// those of `declared`.
  std::string Finish(std::span<const int64_t> declared) const;

 private:
  std::vector<int64_t> shape_;
  std::vector<std::string> elements_;
};

}  // namespace raceway::engine
