#include "tools/raceway/lsp/pieces.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "dsl/grammar.h"
#include "tools/raceway/lsp/salvage.h"

namespace raceway::tools::lsp {
namespace {

/// Bytes behind each piece for what will be written there.
constexpr int32_t kRoom = 1024;

/// The tables of the parser grow a little with every odd text.
constexpr int kMaxParsed = 20000;

constexpr std::array<std::string_view, 9> kItemWords = {
    "import", "param", "defaults", "schema", "store", "model", "fn", "flow", "test"};

bool IsLetter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

/// Whether an item begins with this line, whatever stands before it: the word and what may follow
/// it, in the first column.
bool BeginsItem(std::string_view line) {
  for (const std::string_view word : kItemWords) {
    if (!line.starts_with(word)) continue;
    std::string_view rest = line.substr(word.size());
    const size_t space = rest.find_first_not_of(" \t");
    if (space == 0 || space == std::string_view::npos) continue;
    rest.remove_prefix(space);
    if (word == "test") return rest.front() == '"';
    if (word == "defaults") return rest.front() == '{';
    return IsLetter(rest.front()) || rest.front() == '`' ||
           (word == "import" && rest.front() == '{');
  }
  return false;
}

/// Such lines belong to the item below them.
bool IsCommentOrEmpty(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos || line.substr(begin).starts_with("//");
}

/// The pieces of a text; one where it is written in another way than ours.
std::vector<std::string_view> Cut(std::string_view text) {
  std::vector<size_t> begins = {0};
  size_t comment = 0;  // where the comment lines before this line begin
  bool is_first = true;
  for (size_t line = 0; line < text.size();) {
    const size_t end = std::min(text.find('\n', line), text.size() - 1) + 1;
    const std::string_view content = text.substr(line, end - line);
    if (!IsCommentOrEmpty(content)) {
      // Items stand where the first one does.
      if (is_first && (content.front() == ' ' || content.front() == '\t')) return {text};
      if (!is_first && BeginsItem(content)) begins.push_back(comment);
      is_first = false;
      comment = end;
    }
    line = end;
  }
  std::vector<std::string_view> pieces;
  for (size_t i = 0; i < begins.size(); ++i) {
    const size_t end = i + 1 < begins.size() ? begins[i + 1] : text.size();
    pieces.push_back(text.substr(begins[i], end - begins[i]));
  }
  return pieces;
}

/// Whether a comment or text that this piece opens may go on in the next one.
bool MayReachOut(std::string_view text, const dsl::ParseResult& parsed) {
  if (!parsed.diagnostics.has_errors()) return false;
  return text.find("/*") != std::string_view::npos || text.find("\"\"\"") != std::string_view::npos;
}

int32_t FirstMistake(const dsl::ParseResult& parsed) {
  for (const dsl::Diagnostic& diagnostic : parsed.diagnostics.Sorted()) {
    if (dsl::InfoOf(diagnostic.kind).severity == dsl::Severity::kError) {
      return diagnostic.where.begin;
    }
  }
  return 0;
}

}  // namespace

int32_t Layout::ToSource(int32_t in_document) const {
  const auto begins_later = [](int32_t offset, const Piece& p) { return offset < p.in_document; };
  const auto next = std::upper_bound(pieces_.begin() + 1, pieces_.end(), in_document, begins_later);
  const Piece& piece = *std::prev(next);
  return piece.in_source + (in_document - piece.in_document);
}

int32_t Layout::ToDocument(int32_t in_source) const {
  const auto begins_later = [](int32_t offset, const Piece& p) { return offset < p.in_source; };
  const auto next = std::upper_bound(pieces_.begin() + 1, pieces_.end(), in_source, begins_later);
  const Piece& piece = *std::prev(next);
  return piece.in_document + std::min(in_source - piece.in_source, piece.size);
}

PieceParser::Piece PieceParser::ParsePiece(std::string_view text, int32_t begin) {
  if (++num_parsed_ > kMaxParsed) {
    const std::lock_guard lock(dsl::GrammarMutex());
    dsl::ForgetParsed();
    num_parsed_ = 0;
  }
  Piece piece{std::string(text), begin, {}, {}};
  const dsl::Source source("", piece.text, begin);
  piece.parsed = dsl::Parse(source);
  if (!piece.parsed.lost_names.empty()) {
    piece.salvaged = SalvageFlow(source, FirstMistake(piece.parsed));
  }
  return piece;
}

void PieceParser::PlaceAnew(const std::vector<std::string_view>& texts) {
  pieces_.clear();
  int32_t begin = 0;
  for (const std::string_view text : texts) {
    pieces_.push_back(ParsePiece(text, begin));
    begin += static_cast<int32_t>(text.size()) + kRoom;
  }
}

/// Keeps the pieces before and behind what changed. False if what is new has no room between them.
bool PieceParser::Replace(const std::vector<std::string_view>& texts) {
  const size_t most = std::min(texts.size(), pieces_.size());
  size_t front = 0;
  while (front < most && pieces_[front].text == texts[front]) ++front;
  size_t back = 0;
  while (back < most - front &&
         pieces_[pieces_.size() - 1 - back].text == texts[texts.size() - 1 - back]) {
    ++back;
  }
  if (front + back == 0 && texts.size() > 1) return false;
  int32_t begin = 0;
  if (front > 0) {
    begin = pieces_[front - 1].begin + static_cast<int32_t>(pieces_[front - 1].text.size());
  }
  // What was changed stays at its place if it can.
  if (front + back < pieces_.size()) begin = pieces_[front].begin;
  std::vector<Piece> fresh;
  int32_t end = begin;
  for (size_t i = front; i < texts.size() - back; ++i) {
    end += static_cast<int32_t>(texts[i].size());
  }
  if (back > 0 && end > pieces_[pieces_.size() - back].begin) return false;
  for (size_t i = front; i < texts.size() - back; ++i) {
    fresh.push_back(ParsePiece(texts[i], begin));
    begin += static_cast<int32_t>(texts[i].size());
  }
  const auto first = pieces_.begin() + static_cast<std::ptrdiff_t>(front);
  const auto at = pieces_.erase(first, pieces_.end() - static_cast<std::ptrdiff_t>(back));
  pieces_.insert(at, std::make_move_iterator(fresh.begin()), std::make_move_iterator(fresh.end()));
  return true;
}

PieceParser::Parsed PieceParser::Join(const std::string& name) const {
  std::string source;
  std::vector<Layout::Piece> places;
  dsl::ParseResult result;
  std::vector<dsl::ast::Item> salvaged;
  int32_t in_document = 0;
  for (const Piece& piece : pieces_) {
    if (piece.begin > static_cast<int32_t>(source.size())) {
      source.append(static_cast<size_t>(piece.begin) - source.size() - 1, ' ') += '\n';
    }
    source += piece.text;
    const auto size = static_cast<int32_t>(piece.text.size());
    places.push_back({piece.begin, in_document, size});
    in_document += size;
    const dsl::ast::File& file = piece.parsed.file;
    result.file.items.insert(result.file.items.end(), file.items.begin(), file.items.end());
    if (piece.salvaged) salvaged.push_back(*piece.salvaged);
    result.diagnostics.Append(piece.parsed.diagnostics);
    result.lost_names.insert(result.lost_names.end(), piece.parsed.lost_names.begin(),
                             piece.parsed.lost_names.end());
  }
  result.file.edition = pieces_.front().parsed.file.edition;
  result.file.edition_range = pieces_.front().parsed.file.edition_range;
  return {dsl::Source(name, std::move(source)), Layout(std::move(places)), std::move(result),
          std::move(salvaged)};
}

PieceParser::Parsed PieceParser::Parse(const std::string& name, const std::string& text) {
  std::vector<std::string_view> texts = {text};
  if (text.size() <= static_cast<size_t>(dsl::Source::kMaxBytes)) texts = Cut(text);
  if (pieces_.empty() || !Replace(texts)) PlaceAnew(texts);
  const auto is_odd = [this](const Piece& piece) {
    return (&piece != &pieces_.front() && piece.parsed.file.edition.has_value()) ||
           (pieces_.size() > 1 && MayReachOut(piece.text, piece.parsed));
  };
  // Then only the whole text tells what is meant.
  if (std::any_of(pieces_.begin(), pieces_.end(), is_odd)) PlaceAnew({text});
  return Join(name);
}

}  // namespace raceway::tools::lsp
