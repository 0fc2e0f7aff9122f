#include "dsl/json_text.h"

#include "dsl/literal.h"

namespace raceway::dsl {

std::string JsonQuote(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    const size_t begin = i;
    if (FindInvalidUtf8(text.substr(i, 4)) == 0) {
      out += "\uFFFD";
      ++i;
    } else if (c == '"' || c == '\\') {
      out += {'\\', text[i++]};
    } else if (c < 0x20) {
      out += std::string("\\u00") + kDigits[c >> 4] + kDigits[c & 15];
      ++i;
    } else {
      NextCharacter(text, i);
      out += text.substr(begin, i - begin);
    }
  }
  return out + "\"";
}

std::string JsonMember(std::string_view name, std::string_view text) {
  return JsonQuote(name) + ": " + JsonQuote(text);
}

}  // namespace raceway::dsl
