#include "tools/raceway/lsp/document.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>

namespace raceway::tools::lsp {

Place ToPlace(const Json& position) {
  return {position.at("line").get<int64_t>(), position.at("character").get<int64_t>()};
}

dsl::SourceRange ToRange(const Json& range, const Text& text, Encoding encoding) {
  const int32_t begin = text.OffsetOf(ToPlace(range.at("start")), encoding);
  const int32_t end = text.OffsetOf(ToPlace(range.at("end")), encoding);
  return {std::min(begin, end), std::max(begin, end)};
}

Json FromRange(dsl::SourceRange range, const Text& text, Encoding encoding) {
  const auto position = [&](int32_t offset) {
    const Place place = text.PlaceOf(offset, encoding);
    return Json{{"line", place.line}, {"character", place.character}};
  };
  return {{"start", position(range.begin)}, {"end", position(range.end)}};
}

std::string PathOf(const std::string& uri) {
  constexpr std::string_view kScheme = "file://";
  if (!uri.starts_with(kScheme)) return uri;
  std::string path;
  for (size_t i = kScheme.size(); i < uri.size(); ++i) {
    unsigned value = 0;
    const char* hex = uri.data() + i + 1;
    if (uri[i] == '%' && i + 2 < uri.size() &&
        std::from_chars(hex, hex + 2, value, 16).ptr == hex + 2) {
      path += static_cast<char>(value);
      i += 2;
    } else {
      path += uri[i];
    }
  }
  return path;
}

std::string UriOf(const std::string& path) {
  constexpr std::string_view kPlain = "/-._~:@";
  std::string uri = "file://";
  for (const char byte : std::filesystem::absolute(path).lexically_normal().string()) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(byte)) != 0 ||
                          kPlain.find(byte) != std::string_view::npos;
    if (is_plain) {
      uri += byte;
      continue;
    }
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), "%%%02X",
                  static_cast<unsigned>(static_cast<unsigned char>(byte)));
    uri += hex.data();
  }
  return uri;
}

void Document::Change(const Json& changes, Json version, Encoding encoding) {
  for (const Json& change : changes) {
    const auto& text = change.at("text").get_ref<const std::string&>();
    if (change.contains("range")) {
      text_.Replace(ToRange(change.at("range"), text_, encoding), text);
    } else {
      text_ = Text(text);
    }
  }
  version_ = std::move(version);
  is_new_ = true;
  analysis_.reset();
}

const Analysis& Document::Analysed(const engine::Catalog& catalog) {
  if (!analysis_) {
    analysis_ =
        std::make_unique<Analysis>(Analyse(PathOf(uri_), text_.content(), catalog, parser_));
  }
  return *analysis_;
}

}  // namespace raceway::tools::lsp
