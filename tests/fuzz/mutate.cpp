#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace raceway::fuzz {
namespace {

constexpr std::array<std::string_view, 96> kWords = {
    "edition 1\n", "import ", " from ",  "param ",    "defaults ", "schema ",  "store ",
    "model ",      "fn ",     "flow ",   "test ",     "stub ",     "given ",   "expect ",
    "let ",        "return ", " with ",  " else ",    " rescue ",  " as ",     "if ",
    " then ",      " and ",   " or ",    "not ",      " in ",      " is null", "null",
    "true",        "false",   "stream ", "map(",      "select(",   "derive(",  "omit(",
    "filter(",     "split(",  "route(",  "union(",    "join(",     "lookup(",  "anyof(",
    "groupby(",    "agg(",    "sort(",   "limit(",    "explode(",  "fail(",    "drop",
    "softmax(",    "argmax(", "count()", "topk(",     "f32[H, W]", "u8[3]",    "i64",
    "string",      "bytes",   "bool",    "f32",       "i64?",      "...",      "_",
    "H / 2",       "N + 1",   "|>",      "->",        "=>",        "..",       "??",
    "?",           "==",      "!=",      "<=",        ">=",        "+",        "-",
    "*",           "/",       "(",       ")",         "{",         "}",        "[",
    "]",           ", ",      ": ",      " = ",       "\"",        "f\"{a}\"", "\"\"\"",
    "`x y`",       "/* ",     "*/",      "/// doc\n", "10ms"};

constexpr std::array<std::string_view, 16> kOdd = {"9223372036854775807",
                                                   "-1",
                                                   "0",
                                                   "0x7f",
                                                   "1e308",
                                                   "1.5s",
                                                   "10%",
                                                   "\xff",
                                                   "\xc3\xa9",
                                                   "\0",
                                                   "\r\n",
                                                   "\t",
                                                   "'",
                                                   "#",
                                                   "&&",
                                                   "\xef\xbb\xbf"};

class Mutator {
 public:
  Mutator(std::string text, const std::string& other, std::mt19937_64& random)
      : text_(std::move(text)), other_(other), random_(random) {}

  std::string Run() {
    for (size_t n = size_t{1} << Below(4); n > 0; --n) ChangeOnce();
    text_.resize(std::min(text_.size(), kMaxBytes));
    return std::move(text_);
  }

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : static_cast<size_t>(random_() % bound); }
  size_t Place() { return Below(text_.size() + 1); }
  size_t Length() { return 1 + Below(size_t{1} << Below(9)); }

  void ChangeOnce() {
    switch (Below(10)) {
      case 0:
        if (!text_.empty()) text_[Below(text_.size())] = static_cast<char>(Below(256));
        return;
      case 1: text_.erase(Place(), Length()); return;
      case 2: {  // doubled, there or elsewhere
        const std::string part = text_.substr(Place(), Length());
        text_.insert(Place(), part);
        return;
      }
      case 3: {  // moved
        const size_t from = Place();
        const std::string part = text_.substr(from, Length());
        text_.erase(from, part.size());
        text_.insert(Place(), part);
        return;
      }
      case 4: text_.insert(Place(), kOdd[Below(kOdd.size())]); return;
      case 5: {
        const std::string part = other_.substr(Below(other_.size() + 1), Length() * 2);
        text_.insert(Place(), part);
        return;
      }
      case 6: {  // one word for another
        const auto [begin, length] = Word();
        text_.replace(begin, length, kWords[Below(kWords.size())]);
        return;
      }
      case 7: {  // one name of the text for another
        const auto [from, count] = Word();
        const std::string name = text_.substr(from, count);
        const auto [begin, length] = Word();
        text_.replace(begin, length, name);
        return;
      }
      default: text_.insert(Place(), kWords[Below(kWords.size())]); return;
    }
  }

  /// A run of letters and digits behind some place.
  std::pair<size_t, size_t> Word() {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const size_t begin = std::min(text_.find_first_of(kLetters, Place()), text_.size());
    const size_t end = std::min(text_.find_first_not_of(kLetters, begin), text_.size());
    return {begin, end - begin};
  }

  std::string text_;
  const std::string& other_;
  std::mt19937_64& random_;
};

}  // namespace

std::string Mutate(std::string text, const std::string& other, std::mt19937_64& random) {
  return Mutator(std::move(text), other, random).Run();
}

}  // namespace raceway::fuzz
