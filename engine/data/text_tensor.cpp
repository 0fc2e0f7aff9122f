#include "engine/data/text_tensor.h"

#include <algorithm>
#include <cassert>
#include <cstring>

// Packed: the rank, the dimensions, the length of each element, all as i64, then their bytes.

namespace raceway::engine {
namespace {

void Append(int64_t number, std::string& row) {
  row.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

/// Takes numbers and texts from the front of a row.
class Taker {
 public:
  explicit Taker(std::string_view row) : row_(row) {}

  /// At least 0 and at most `limit`, else the row is no tensor.
  int64_t Number(int64_t limit) {
    int64_t number = -1;
    if (row_.size() >= sizeof(number)) {
      std::memcpy(&number, row_.data(), sizeof(number));
      row_.remove_prefix(sizeof(number));
    }
    is_fine_ = is_fine_ && number >= 0 && number <= limit;
    return is_fine_ ? number : 0;
  }
  std::string_view Text(int64_t size) {
    is_fine_ = is_fine_ && static_cast<size_t>(size) <= row_.size();
    if (!is_fine_) return {};
    const std::string_view text = row_.substr(0, static_cast<size_t>(size));
    row_.remove_prefix(text.size());
    return text;
  }
  bool is_fine() const { return is_fine_; }
  bool is_at_end() const { return row_.empty(); }

 private:
  std::string_view row_;
  bool is_fine_ = true;
};

}  // namespace

void Pack(std::span<const int64_t> shape, std::span<const std::string_view> elements,
          std::string& row) {
  Append(static_cast<int64_t>(shape.size()), row);
  [[maybe_unused]] int64_t num_elements = 1;
  for (const int64_t size : shape) {
    num_elements *= size;
    Append(size, row);
  }
  assert(num_elements == static_cast<int64_t>(elements.size()));
  for (const std::string_view element : elements) {
    Append(static_cast<int64_t>(element.size()), row);
  }
  for (const std::string_view element : elements) row += element;
}

std::optional<TextTensor> Unpack(std::string_view row) {
  const auto limit = static_cast<int64_t>(row.size());  // of everything that is counted
  Taker taker(row);
  TextTensor tensor;
  int64_t num_elements = 1;
  const int64_t rank = taker.Number(limit);
  for (int64_t i = 0; i < rank && taker.is_fine(); ++i) {
    tensor.shape.push_back(taker.Number(INT64_MAX));
    if (__builtin_mul_overflow(num_elements, tensor.shape.back(), &num_elements)) {
      return std::nullopt;
    }
  }
  if (!taker.is_fine() || num_elements > limit) return std::nullopt;
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < num_elements; ++i) lengths.push_back(taker.Number(limit));
  for (const int64_t length : lengths) tensor.elements.push_back(taker.Text(length));
  if (!taker.is_fine() || !taker.is_at_end()) return std::nullopt;
  return tensor;
}

TextTensor UnpackOrEmpty(std::string_view row) { return Unpack(row).value_or(TextTensor{{0}, {}}); }

bool TextTensorBuilder::AddList(size_t depth, int64_t size) {
  if (shape_.size() <= depth) shape_.push_back(size);
  return shape_[depth] == size;
}

std::string TextTensorBuilder::Finish(std::span<const int64_t> declared) const {
  std::vector<int64_t> shape = shape_;
  for (size_t i = shape.size(); i < declared.size(); ++i) {
    shape.push_back(std::max<int64_t>(declared[i], 0));
  }
  const std::vector<std::string_view> elements(elements_.begin(), elements_.end());
  std::string row;
  Pack(shape, elements, row);
  return row;
}

}  // namespace raceway::engine
