#include "dsl/literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace raceway::dsl {

namespace {

constexpr char32_t kNone = 0xFFFFFFFF;

SourceRange Range(size_t begin, size_t end) {
  return {static_cast<int32_t>(begin), static_cast<int32_t>(end)};
}

void AppendUtf8(char32_t c, std::string& out) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

struct Escape {
  size_t size = 2;         // bytes, backslash included
  char32_t value = kNone;  // kNone: not an escape
};

// The escape at the start of `text`, which begins with a backslash.
Escape ReadEscape(std::string_view text) {
  if (text.size() < 2) return {1, kNone};
  switch (text[1]) {
    case 'n': return {2, U'\n'};
    case 't': return {2, U'\t'};
    case 'r': return {2, U'\r'};
    case '"': return {2, U'"'};
    case '\\': return {2, U'\\'};
    case 'u': break;
    default: return {2, kNone};
  }
  const size_t close = text.substr(0, 10).find('}');  // no code point has more digits
  if (text.size() < 3 || text[2] != '{' || close == std::string_view::npos) return {2, kNone};
  const std::string_view digits = text.substr(3, close - 3);
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  const bool good = error == std::errc() && end == digits.data() + digits.size() &&
                    value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
  return {close + 1, good ? static_cast<char32_t>(value) : kNone};
}

std::string Resolve(std::string_view text, bool braces) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\\') {
      const Escape escape = ReadEscape(text.substr(i));
      if (escape.value == kNone) {
        out += text.substr(i, escape.size);
      } else {
        AppendUtf8(escape.value, out);
      }
      i += escape.size;
      continue;
    }
    out += c;
    const bool twice = (c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c;
    i += braces && twice ? 2 : 1;
  }
  return out;
}

// The offset behind the `}` that closes a hole whose content begins at `i`, or npos.
size_t EndOfHole(std::string_view text, size_t i) {
  int depth = 1;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::string WithoutUnderscores(std::string_view text) {
  std::string digits(text);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  return digits;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

std::optional<int64_t> IntValue(std::string_view text) {
  const std::optional<uint64_t> value = UnsignedValue(text);
  if (!value || *value > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<int64_t>(*value);
}

std::optional<uint64_t> UnsignedValue(std::string_view text) {
  const bool hex = text.starts_with("0x");
  const std::string digits = WithoutUnderscores(hex ? text.substr(2) : text);
  uint64_t value = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value, hex ? 16 : 10);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<double> FloatValue(std::string_view text) {
  const std::string digits = WithoutUnderscores(text);
  double value = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value);
  if (error != std::errc() || end != last || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<std::string> FStringTexts(const ast::Expr& fstring) {
  // f"…" is three bytes longer than its content, f"""…""" seven.
  const bool is_text =
      fstring.range.end - fstring.range.begin >= static_cast<int32_t>(fstring.text.size()) + 7;
  const std::string text = is_text ? Dedent(fstring.text) : fstring.text;
  std::vector<std::string> texts;
  size_t begin = 0;
  for (const SourceRange& hole : FindHoles(text).ranges) {
    const size_t end = static_cast<size_t>(hole.begin) - 1;
    texts.push_back(Resolve(std::string_view(text).substr(begin, end - begin), true));
    begin = static_cast<size_t>(hole.end) + 1;
  }
  texts.push_back(Resolve(std::string_view(text).substr(begin), true));
  return texts;
}

SourceRange StringContent(std::string_view token) {
  const size_t prefix = token.starts_with('f') ? 1 : 0;
  const std::string_view quoted = token.substr(prefix);
  std::string_view open = quoted.substr(0, 1);
  if (quoted.starts_with("\"\"\"") && quoted.size() >= 6) open = "\"\"\"";
  if (quoted.starts_with("\u201C")) open = "\u201C";
  const std::string_view close = open == "\u201C" ? "\u201D" : open;
  const bool closed = quoted.size() >= open.size() + close.size() && quoted.ends_with(close);
  return Range(prefix + open.size(), token.size() - (closed ? close.size() : 0));
}

std::vector<LiteralError> CheckEscapes(std::string_view text) {
  std::vector<LiteralError> errors;
  for (size_t i = text.find('\\'); i != std::string_view::npos; i = text.find('\\', i)) {
    const Escape escape = ReadEscape(text.substr(i));
    size_t end = i + escape.size;
    if (escape.value == kNone) {
      while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;  // a whole character
      errors.push_back(
          {Range(i, end), "unknown escape `" + std::string(text.substr(i, end - i)) + "`",
           "there are \\n \\t \\r \\\" \\\\ and \\u{1F600}; write `\\\\` for a backslash"});
    }
    i = end;
  }
  return errors;
}

std::string Unescape(std::string_view text) { return Resolve(text, false); }

std::string Dedent(std::string_view text) {
  std::vector<std::string_view> lines = Lines(text);
  if (lines.size() > 1 && IsBlank(lines.back())) lines.pop_back();
  size_t first = lines.size() > 1 && IsBlank(lines.front()) ? 1 : 0;
  size_t indent = std::string_view::npos;
  for (size_t i = first; i < lines.size(); ++i) {
    // Text right behind the opening quotes has no indentation to speak of.
    if (!IsBlank(lines[i]) && i > 0) indent = std::min(indent, lines[i].find_first_not_of(" \t"));
  }
  std::string out;
  for (size_t i = first; i < lines.size(); ++i) {
    if (i > first) out += '\n';
    const size_t cut = i == 0 ? 0 : std::min(indent, lines[i].size());
    out += IsBlank(lines[i]) && lines.size() > 1 ? std::string_view() : lines[i].substr(cut);
  }
  return out;
}

Holes FindHoles(std::string_view text) {
  Holes holes;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\\') {
      i += ReadEscape(text.substr(i)).size;
    } else if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
      i += 2;
    } else if (c == '{') {
      const size_t end = EndOfHole(text, i + 1);
      if (end == std::string_view::npos) {
        holes.errors.push_back({Range(i, i + 1), "this `{` is never closed in the string",
                                "write `{{` for a brace that is text"});
        return holes;
      }
      holes.ranges.push_back(Range(i + 1, end - 1));
      i = end;
    } else {
      if (c == '}') {
        holes.errors.push_back({Range(i, i + 1), "this `}` closes nothing in the string",
                                "write `}}` for a brace that is text"});
      }
      ++i;
    }
  }
  return holes;
}

std::optional<int32_t> FindInvalidUtf8(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  for (size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    size_t size = 1;
    if (lead >= 0x80) {
      size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
      bool good = lead >= 0xC2 && lead <= 0xF4;
      for (size_t k = 1; k < size; ++k) good = good && (byte(i + k) & 0xC0) == 0x80;
      // No over-long forms, no surrogates, nothing over U+10FFFF.
      const unsigned second = byte(i + 1);
      good = good && !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second > 0x9F) &&
             !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
      if (!good) return static_cast<int32_t>(i);
    }
    i += size;
  }
  return std::nullopt;
}

char32_t NextCharacter(std::string_view text, size_t& offset) {
  const unsigned char lead = static_cast<unsigned char>(text[offset]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t c = size == 1 ? lead : lead & (0xFFu >> (size + 1));
  for (size_t i = 1; i < size && offset + i < text.size(); ++i) {
    c = c << 6 | (static_cast<unsigned char>(text[offset + i]) & 0x3F);
  }
  offset += std::min(size, text.size() - offset);
  return c;
}

}  // namespace raceway::dsl
