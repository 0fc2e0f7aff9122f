#include "compiler/check/model_settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/data/dim_formula.h"

namespace raceway::compiler {
namespace {

using dsl::DiagnosticKind;
using engine::Value;

dsl::SourceRange ValueOf(const ast::Entry& entry) {
  return entry.value ? entry.value->range : entry.range;
}

std::optional<Value> Count(const ast::Entry& entry, dsl::Diagnostics& diagnostics) {
  auto value = entry.value ? ConstantOf(*entry.value, diagnostics) : std::nullopt;
  const int64_t* count = value ? value->AsInt() : nullptr;
  if (count != nullptr && *count >= 1 && *count <= 1024) return value;
  diagnostics.Add(DiagnosticKind::kBadSetting, ValueOf(entry),
                  "`" + entry.key.text + "` wants an integer from 1 to 1024");
  return std::nullopt;
}

/// The devices that are tried, the best first.
std::optional<Value> Devices(const ast::Entry& entry, dsl::Diagnostics& diagnostics) {
  std::vector<const ast::Expr*> written;
  if (entry.value && entry.value->kind == ast::Expr::Kind::kList) {
    for (const ast::Expr& child : entry.value->children) written.push_back(&child);
  } else if (entry.value) {
    written.push_back(&*entry.value);
  }
  const auto is_device = [](const ast::Expr* device) {
    return device->kind == ast::Expr::Kind::kName &&
           (device->text == "cpu" || device->text == "gpu");
  };
  const auto wrong = std::find_if_not(written.begin(), written.end(), is_device);
  if (written.empty() || wrong != written.end()) {
    diagnostics.Add(DiagnosticKind::kBadSetting, written.empty() ? entry.range : (*wrong)->range,
                    "`device` is `cpu` or `gpu`, without quotes");
    return std::nullopt;
  }
  Value::List devices;
  for (const ast::Expr* device : written) devices.emplace_back(device->text);
  return Value(std::move(devices));
}

std::optional<Value> Method(const ast::Entry& entry, dsl::Diagnostics& diagnostics) {
  if (entry.value && entry.value->kind == ast::Expr::Kind::kString && !entry.value->text.empty()) {
    return Value(entry.value->text);
  }
  diagnostics.Add(DiagnosticKind::kBadSetting, ValueOf(entry),
                  "`method` wants the name of a method of the module in quotes");
  return std::nullopt;
}

std::optional<Value> Weights(const ast::Entry& entry, dsl::Diagnostics& diagnostics) {
  if (entry.value && entry.value->kind == ast::Expr::Kind::kString && !entry.value->text.empty()) {
    return Value(entry.value->text);
  }
  diagnostics
      .Add(DiagnosticKind::kBadSetting, ValueOf(entry),
           "`weights` wants the file that has the weights of the model in quotes")
      .help = "weights: \"model.safetensors\"";
  return std::nullopt;
}

/// One of `words`, without quotes.
std::optional<Value> Word(const ast::Entry& entry, const std::vector<std::string>& words,
                          const std::string& wanted, dsl::Diagnostics& diagnostics) {
  const bool is_word = entry.value && entry.value->kind == ast::Expr::Kind::kName;
  if (is_word && std::find(words.begin(), words.end(), entry.value->text) != words.end()) {
    return Value(entry.value->text);
  }
  diagnostics.Add(DiagnosticKind::kBadSetting, ValueOf(entry), wanted);
  return std::nullopt;
}

std::optional<Value> Pad(const ast::Entry& entry, dsl::Diagnostics& diagnostics) {
  if (entry.value && entry.value->kind == ast::Expr::Kind::kName) return Value(entry.value->text);
  diagnostics
      .Add(DiagnosticKind::kBadSetting, ValueOf(entry),
           "`pad` wants a dimension of what the model takes, without quotes")
      .help = "pad: L";
  return std::nullopt;
}

/// The places of `symbol`; null where it is computed with.
std::optional<Value::List> PlacesOf(const std::vector<DeclaredColumn>& columns,
                                    const std::string& symbol) {
  Value::List places;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::vector<engine::Dim>& shape = columns[i].type.shape;
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      if (shape[dim].symbol == symbol) {
        places.emplace_back(
            Value::List{Value(static_cast<int64_t>(i)), Value(static_cast<int64_t>(dim))});
        continue;
      }
      const auto formula = engine::DimFormula::Of(shape[dim]);
      if (!formula) continue;
      const std::vector<std::string> symbols = formula->Symbols();
      if (std::find(symbols.begin(), symbols.end(), symbol) != symbols.end()) return std::nullopt;
    }
  }
  return places;
}

}  // namespace

bool TakeModelSetting(const ast::Entry& entry, FunctionSpec& spec, bool& is_fine,
                      dsl::Diagnostics& diagnostics) {
  const std::string& key = entry.key.text;
  std::optional<Value> value;
  if (key == "threads" || key == "instances") {
    value = Count(entry, diagnostics);
  } else if (key == "device") {
    value = Devices(entry, diagnostics);
  } else if (key == "method") {
    value = Method(entry, diagnostics);
  } else if (key == "weights") {
    value = Weights(entry, diagnostics);
    spec.files.emplace_back(key, ValueOf(entry));
  } else if (key == "state") {
    value = Word(entry, {"fresh"}, "`state` is `fresh`: each call begins with what is in the file",
                 diagnostics);
  } else if (key == "dtype") {
    value = Word(entry, {"f16", "bf16", "f32", "f64"},
                 "`dtype` is `f16`, `bf16`, `f32` or `f64`, without quotes", diagnostics);
  } else if (key == "pad") {
    value = Pad(entry, diagnostics);
  } else {
    return false;
  }
  is_fine &= value.has_value();
  const bool is_default = key == "device" && value && *value == Value(Value::List{Value("cpu")});
  if (value && !is_default) spec.settings.emplace_back(key, *std::move(value));
  return true;
}

bool ResolvePadding(const ast::ModelDecl& decl, const RowFunction& function, FunctionSpec& spec,
                    dsl::Diagnostics& diagnostics) {
  const auto pad = std::find_if(spec.settings.begin(), spec.settings.end(),
                                [](const auto& setting) { return setting.first == "pad"; });
  if (pad == spec.settings.end()) return true;
  const std::string symbol = *pad->second.AsString();
  const std::optional<Value::List> inputs = PlacesOf(function.params, symbol);
  const std::optional<Value::List> outputs = PlacesOf(function.results, symbol);
  if (inputs && outputs && !inputs->empty()) {
    pad->second = Value(Value::Record{{"inputs", *inputs}, {"outputs", *outputs}});
    return true;
  }
  const auto entry = std::find_if(decl.block.entries.begin(), decl.block.entries.end(),
                                  [](const ast::Entry& one) { return one.key.text == "pad"; });
  const bool is_computed = !inputs || !outputs;
  diagnostics
      .Add(DiagnosticKind::kBadSetting, ValueOf(*entry),
           is_computed
               ? "`" + symbol + "` is computed with, and only plain dimensions are padded"
               : "no parameter of `" + decl.name.text + "` has a dimension `" + symbol + "`")
      .help = is_computed ? "give what is computed a dimension of its own"
                          : "model m(tokens: i64[L]) -> (y: f32) { source: \"m.pt\", pad: L }";
  return false;
}

}  // namespace raceway::compiler
