#include "engine/load/safetensors_header.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

namespace raceway::engine::load {
namespace {

using nlohmann::json;

/// Takes the header as it is parsed, so that memory is in proportion to its tensors, whatever else
/// is in there.
class HeaderReader final : public json::json_sax_t {
 public:
  std::vector<SafetensorsEntry> entries;
  std::string error;

  bool key(string_t& name) override {
    switch (place_) {
      case Place::kHeader:
        if (!names_.insert(name).second) return Fail("`" + name + "` is there twice");
        if (name == "__metadata__") return place_ = Place::kBeforeMetadata, true;
        entries.emplace_back().name = name;
        place_ = Place::kBeforeTensor;
        return true;
      case Place::kTensor: return TakeMember(name);
      case Place::kMetadata: return true;
      default: return Unexpected();
    }
  }

  bool start_object(size_t /*size*/) override {
    switch (place_) {
      case Place::kBegin: place_ = Place::kHeader; return true;
      case Place::kBeforeMetadata: place_ = Place::kMetadata; return true;
      case Place::kBeforeTensor:
        place_ = Place::kTensor;
        members_ = 0;
        return true;
      default: return Unexpected();
    }
  }

  bool end_object() override {
    if (place_ == Place::kHeader) return place_ = Place::kEnd, true;
    if (place_ == Place::kMetadata) return place_ = Place::kHeader, true;
    if (members_ != (kDtype | kShape | kOffsets)) {
      return Fail("`" + entries.back().name + "` lacks its dtype, shape or data_offsets");
    }
    place_ = Place::kHeader;
    return true;
  }

  bool start_array(size_t /*size*/) override {
    if (place_ == Place::kBeforeShape) return place_ = Place::kShape, true;
    if (place_ == Place::kBeforeOffsets) return place_ = Place::kOffsets, true;
    return Unexpected();
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && num_offsets_ != 2) return Unexpected();
    place_ = Place::kTensor;
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::kMetadata) return true;
    if (place_ != Place::kBeforeDtype) return Unexpected();
    entries.back().dtype = text;
    place_ = Place::kTensor;
    return true;
  }

  bool number_unsigned(number_unsigned_t number) override {
    if (entries.empty()) return Unexpected();
    SafetensorsEntry& entry = entries.back();
    if (place_ == Place::kShape) {
      if (number > static_cast<uint64_t>(INT64_MAX)) return Unexpected();
      entry.sizes.push_back(static_cast<int64_t>(number));
      return entry.sizes.size() <= kMaxDims || Fail("`" + entry.name + "` has too many sizes");
    }
    if (place_ != Place::kOffsets || num_offsets_ == 2) return Unexpected();
    (num_offsets_ == 0 ? entry.begin : entry.end) = number;
    ++num_offsets_;
    return true;
  }

  bool null() override { return Unexpected(); }
  bool boolean(bool /*value*/) override { return Unexpected(); }
  bool number_integer(number_integer_t /*number*/) override { return Unexpected(); }
  bool number_float(number_float_t /*number*/, const string_t& /*text*/) override {
    return Unexpected();
  }
  bool binary(binary_t& /*bytes*/) override { return Unexpected(); }
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return Fail("its header is no JSON from byte " + std::to_string(position) + " on");
  }

 private:
  enum class Place {
    kBegin,
    kHeader,
    kBeforeMetadata,
    kMetadata,
    kBeforeTensor,
    kTensor,
    kBeforeDtype,
    kBeforeShape,
    kShape,
    kBeforeOffsets,
    kOffsets,
    kEnd,
  };
  enum Member : unsigned { kDtype = 1, kShape = 2, kOffsets = 4 };

  static constexpr size_t kMaxDims = 64;

  bool TakeMember(const std::string& name) {
    const Member member = name == "dtype"          ? kDtype
                          : name == "shape"        ? kShape
                          : name == "data_offsets" ? kOffsets
                                                   : Member{};
    const std::string of = "`" + name + "` of `" + entries.back().name + "`";
    if (member == 0) return Fail(of + " is not known");
    if ((members_ & member) != 0) return Fail(of + " is there twice");
    members_ |= member;
    num_offsets_ = 0;
    place_ = member == kDtype   ? Place::kBeforeDtype
             : member == kShape ? Place::kBeforeShape
                                : Place::kBeforeOffsets;
    return true;
  }

  bool Fail(std::string what) {
    if (error.empty()) error = std::move(what);
    return false;
  }
  bool Unexpected() {
    return Fail(entries.empty()
                    ? "its header is none"
                    : "what it says of `" + entries.back().name + "` is not as the format has it");
  }

  Place place_ = Place::kBegin;
  unsigned members_ = 0;  // of the tensor, that are there
  int num_offsets_ = 0;
  std::unordered_set<std::string> names_;
};

}  // namespace

Result<std::vector<SafetensorsEntry>> ParseSafetensorsHeader(std::string_view text) {
  HeaderReader reader;
  if (json::sax_parse(text, &reader)) return std::move(reader.entries);
  return Error{ErrorCode::kInvalidArgument, reader.error};
}

}  // namespace raceway::engine::load
