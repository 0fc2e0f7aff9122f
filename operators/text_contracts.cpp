#include "operators/native_contracts.h"

namespace raceway::operators {
namespace {

using engine::Dim;
using engine::Field;
using engine::FunctionContract;
using engine::SettingContract;
using engine::Type;
using Kind = SettingContract::Kind;

std::string RoomForSpecials(const engine::Value& value) {
  return *value.AsInt() >= 3 ? "" : "must be at least 3: two pieces mark the ends";
}

std::vector<Field> Pieces() {
  const Type numbers = {engine::DataType::kI64, {Dim::Symbol("N")}};
  return {{"ids", numbers}, {"mask", numbers}, {"kinds", numbers}};
}

std::vector<SettingContract> Settings() {
  return {
      {"vocab", Kind::kFile, true, {}, "The `vocab.txt` of the model, one piece a line.", nullptr},
      {"lowercase",
       Kind::kBool,
       false,
       {},
       "Whether letters lose their case and their accents, true by default: what `uncased` "
       "models want.",
       nullptr},
      {"max_length",
       Kind::kInt,
       false,
       {},
       "More pieces are cut off. Where the declared result has a length (`i64[128]`), that is "
       "it, and shorter texts are filled up.",
       &RoomForSpecials}};
}

FunctionContract WordPiece() {
  return {.name = "text.wordpiece",
          .params = {{"text", Scalar(engine::DataType::kString)}},
          .results = Pieces(),
          .settings = Settings(),
          .doc =
              "The pieces of a text as BERT-like models want them, with `[CLS]` before and "
              "`[SEP]` after them: numbers in the vocabulary, 1 for each piece (0 where it "
              "fills up), 0 for each."};
}

FunctionContract WordPiecePair() {
  return {.name = "text.wordpiece_pair",
          .params = {{"first", Scalar(engine::DataType::kString)},
                     {"second", Scalar(engine::DataType::kString)}},
          .results = Pieces(),
          .settings = Settings(),
          .doc =
              "The same of two texts, for models that compare them: the second one's pieces "
              "are of kind 1. `max_length` is of both together."};
}

}  // namespace

void RegisterTextContracts(engine::Catalog& catalog) {
  catalog.Add(WordPiece());
  catalog.Add(WordPiecePair());
}

}  // namespace raceway::operators
