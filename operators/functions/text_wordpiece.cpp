#include "operators/functions/text_wordpiece.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "operators/functions/text_lines.h"
#include "operators/functions/text_words.h"
#include "operators/utf8.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::Status;
using engine::Value;

/// Words of more characters than this are unknown, as everywhere.
constexpr size_t kMaxCharacters = 100;

/// Lets a map of strings be asked for views.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

class Vocabulary {
 public:
  struct Specials {
    int64_t pad = 0;
    int64_t unknown = 0;
    int64_t begin = 0;  // [CLS]
    int64_t end = 0;    // [SEP]
  };

  static Result<Vocabulary> Read(const std::filesystem::path& base_dir, const std::string& file) {
    Result<std::vector<std::string>> lines = ReadLines(base_dir, file);
    if (!lines) return std::move(lines).error();
    Vocabulary vocabulary;
    for (size_t i = 0; i < lines->size(); ++i) vocabulary.Add(std::move((*lines)[i]), i);
    const std::pair<const char*, int64_t*> specials[] = {{"[PAD]", &vocabulary.specials_.pad},
                                                         {"[UNK]", &vocabulary.specials_.unknown},
                                                         {"[CLS]", &vocabulary.specials_.begin},
                                                         {"[SEP]", &vocabulary.specials_.end}};
    for (const auto& [piece, id] : specials) {
      const auto found = vocabulary.starts_.find(std::string_view(piece));
      if (found == vocabulary.starts_.end()) {
        return Error{ErrorCode::kInvalidArgument,
                     file + " has no line `" + piece + "`: is it the vocabulary of a BERT?"};
      }
      *id = found->second;
    }
    return vocabulary;
  }

  const Specials& specials() const { return specials_; }

  /// The longest piece that `word` starts with, then the longest of the rest, and so on.
  void AppendPieces(std::string_view word, std::vector<int64_t>& ids) const {
    const size_t before = ids.size();
    if (NumCharacters(word) > kMaxCharacters) return ids.push_back(specials_.unknown);
    for (size_t begin = 0; begin < word.size();) {
      const Pieces& pieces = begin == 0 ? starts_ : continuations_;
      size_t length = std::min(word.size() - begin, longest_);
      auto found = pieces.end();
      for (; length > 0; --length) {
        if (!IsBoundary(word, begin + length)) continue;
        found = pieces.find(word.substr(begin, length));
        if (found != pieces.end()) break;
      }
      if (length == 0) {  // one part unknown, all of it unknown
        ids.resize(before);
        return ids.push_back(specials_.unknown);
      }
      ids.push_back(found->second);
      begin += length;
    }
  }

 private:
  using Pieces = std::unordered_map<std::string, int64_t, TextHash, std::equal_to<>>;

  static bool IsBoundary(std::string_view word, size_t at) {
    return at == word.size() || (static_cast<unsigned char>(word[at]) & 0xC0U) != 0x80U;
  }
  static size_t NumCharacters(std::string_view word) {
    return static_cast<size_t>(std::count_if(word.begin(), word.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
  }
  /// Of lines that are the same, the last one counts.
  void Add(std::string line, size_t number) {
    const auto id = static_cast<int64_t>(number);
    longest_ = std::max(longest_, line.size());
    if (line.starts_with("##")) {
      continuations_.insert_or_assign(line.substr(2), id);
    } else {
      starts_.insert_or_assign(std::move(line), id);
    }
  }

  Pieces starts_;
  Pieces continuations_;  // without their ##
  size_t longest_ = 0;    // bytes
  Specials specials_;
};

/// The numbers of one row.
struct Pieces {
  std::vector<int64_t> ids;
  size_t num_first = 0;  // of them of kind 0
};

/// Cuts both to half the room, but for what the shorter one leaves to the other; an odd place is
/// the longer one's (the second's where they are alike).
void Truncate(std::vector<int64_t>& first, std::vector<int64_t>& second, size_t room) {
  if (first.size() + second.size() <= room) return;
  const bool first_is_longer = first.size() > second.size();
  std::vector<int64_t>& shorter = first_is_longer ? second : first;
  std::vector<int64_t>& longer = first_is_longer ? first : second;
  shorter.resize(std::min(shorter.size(), room / 2));
  longer.resize(room - shorter.size());
}

class WordPiece final : public NativeFunction {
 public:
  WordPiece(Vocabulary vocabulary, bool lowercase, size_t max_length, bool fills_up,
            std::vector<engine::Type> types)
      : vocabulary_(std::move(vocabulary)),
        lowercase_(lowercase),
        max_length_(max_length),
        fills_up_(fills_up),
        types_(std::move(types)) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    std::array<std::vector<at::Tensor>, 3> rows;
    for (int64_t row = 0; row < num_rows; ++row) {
      if (const auto stop = context.cancel.Check()) return StopError(*stop);
      Result<Pieces> pieces = PiecesOf(args, row);
      if (!pieces) {
        pieces.error().row_id = row;
        return std::move(pieces).error();
      }
      AppendRow(*pieces, rows);
    }
    std::vector<Column> columns;
    for (size_t i = 0; i < rows.size(); ++i) {
      columns.push_back(num_rows > 1 && !fills_up_
                            ? Column(std::move(rows[i]))
                            : Column::FromRows(std::move(rows[i]), types_[i]));
    }
    return columns;
  }

 private:
  Result<Pieces> PiecesOf(std::span<const Column> args, int64_t row) const {
    std::array<std::vector<int64_t>, 2> texts;
    for (size_t i = 0; i < args.size(); ++i) {
      const std::string_view text = args[i].text()[row];
      if (const size_t valid = Utf8PrefixLength(text); valid != text.size()) {
        return Error{ErrorCode::kFailed,
                     "the text is not UTF-8 at byte " + std::to_string(valid + 1)};
      }
      const Words words = SplitWords(text, lowercase_);
      for (size_t w = 0; w < words.size(); ++w) vocabulary_.AppendPieces(words[w], texts[i]);
    }
    const bool is_pair = args.size() == 2;
    auto& [first, second] = texts;
    if (max_length_ > 0) Truncate(first, second, max_length_ - (is_pair ? 3 : 2));
    const Vocabulary::Specials& specials = vocabulary_.specials();
    Pieces pieces;
    pieces.ids.reserve(first.size() + second.size() + 3);
    pieces.ids.push_back(specials.begin);
    pieces.ids.insert(pieces.ids.end(), first.begin(), first.end());
    pieces.ids.push_back(specials.end);
    pieces.num_first = pieces.ids.size();
    if (is_pair) {
      pieces.ids.insert(pieces.ids.end(), second.begin(), second.end());
      pieces.ids.push_back(specials.end);
    }
    return pieces;
  }

  void AppendRow(const Pieces& pieces, std::array<std::vector<at::Tensor>, 3>& rows) const {
    const size_t length = fills_up_ ? max_length_ : pieces.ids.size();
    std::array<int64_t*, 3> data;
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].push_back(at::empty({static_cast<int64_t>(length)}, at::kLong));
      data[i] = rows[i].back().mutable_data_ptr<int64_t>();
    }
    for (size_t i = 0; i < length; ++i) {
      const bool is_there = i < pieces.ids.size();
      data[0][i] = is_there ? pieces.ids[i] : vocabulary_.specials().pad;
      data[1][i] = is_there ? 1 : 0;
      data[2][i] = is_there && i >= pieces.num_first ? 1 : 0;
    }
  }

  Vocabulary vocabulary_;
  bool lowercase_;
  size_t max_length_;  // 0: any
  bool fills_up_;
  std::vector<engine::Type> types_;
};

/// The size that the plan declares, 0 where it leaves it open.
Result<size_t> DeclaredLength(const FunctionSpec& spec) {
  int64_t length = 0;
  for (const engine::Type& type : spec.results) {
    if (!type.shape[0].is_size()) continue;
    if (length != 0 && length != type.shape[0].size) {
      return Error{ErrorCode::kInvalidArgument,
                   "its results are declared with lengths " + std::to_string(length) + " and " +
                       std::to_string(type.shape[0].size) + ", they have one"};
    }
    length = type.shape[0].size;
    if (length < 3) {
      return Error{ErrorCode::kInvalidArgument, "its results are declared with length " +
                                                    std::to_string(length) +
                                                    ", which leaves no room for pieces"};
    }
  }
  return static_cast<size_t>(length);
}

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeWordPiece(const FunctionSpec& spec) {
  Result<Vocabulary> vocabulary =
      Vocabulary::Read(spec.base_dir, *spec.settings.Find("vocab")->AsString());
  if (!vocabulary) return std::move(vocabulary).error();
  const Result<size_t> declared = DeclaredLength(spec);
  if (!declared) return declared.error();
  const Value* lowercase = spec.settings.Find("lowercase");
  const Value* max_length = spec.settings.Find("max_length");
  const size_t limit =
      max_length == nullptr ? 0 : static_cast<size_t>(std::max<int64_t>(3, *max_length->AsInt()));
  if (*declared != 0 && limit != 0 && limit != *declared) {
    return Error{ErrorCode::kInvalidArgument, "`max_length` is " + std::to_string(limit) +
                                                  ", its results are declared with " +
                                                  std::to_string(*declared)};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<WordPiece>(
      *std::move(vocabulary), lowercase == nullptr || *lowercase->AsBool(),
      *declared != 0 ? *declared : limit, *declared != 0, spec.results));
}

Result<std::unique_ptr<NativeFunction>> MakeWordPiecePair(const FunctionSpec& spec) {
  return MakeWordPiece(spec);
}

}  // namespace raceway::operators
