#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/plan/physical_plan.h"

namespace raceway::engine::testing {

inline Type TypeOf(std::string_view text) { return TypeFromString(text).value(); }
inline Schema SchemaOf(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<Field> made;
  made.reserve(fields.size());
  for (const auto& [name, type] : fields) made.push_back({name, TypeOf(type)});
  return Schema(std::move(made));
}

/// A small cascade with everything that a plan can have: a valid one.
inline PhysicalPlan CascadePlan() {
  const Schema photos = SchemaOf({{"id", "i64"}, {"image", "bytes"}});
  const Schema decoded = SchemaOf({{"id", "i64"}, {"pixels", "u8[H, W, 3]"}});
  const Schema scored = SchemaOf(
      {{"id", "i64"}, {"pixels", "u8[H, W, 3]"}, {"logits", "f32[1000]"}, {"conf", "f32"}});
  const Schema sure = SchemaOf({{"id", "i64"}, {"conf", "f32"}});
  const Schema unsure = SchemaOf({{"id", "i64"}, {"pixels", "u8[H, W, 3]"}});
  const Schema again = SchemaOf({{"id", "i64"}, {"conf.2", "f32"}});
  const Schema merged = SchemaOf({{"id.3", "i64"}, {"conf.3", "f32"}});

  StepSpec decode{.op = "native",
                  .label = "map(decode)",
                  .origin = "cascade.flow:12:5",
                  .arguments = {{"data", "image"}},
                  .results = {{"pixels", "pixels"}},
                  .expressions = {},
                  .sources = {},
                  .options = {{"function", "image.decode"}},
                  .outputs = {decoded},
                  .branches = {}};
  StepSpec small{
      .op = "model",
      .label = "map(small)",
      .origin = "cascade.flow:13:5",
      .arguments = {{"x", "pixels"}},
      .results = {{"y", "logits"}},
      .expressions = {},
      .sources = {},
      .options = {{"file", "models/small.pt"},
                  {"scale", Value::List{0.485, 1.0, int64_t{3}}},
                  {"deep", Value::Record{{"on", true}, {"none", Value()}}}},
      .outputs = {SchemaOf({{"id", "i64"}, {"pixels", "u8[H, W, 3]"}, {"logits", "f32[1000]"}})},
      .branches = {}};
  const Expression max =
      Expression::Call("max", {Expression::Column("logits", TypeOf("f32[1000]"))}, TypeOf("f32"));
  StepSpec derive{.op = "derive",
                  .label = "derive",
                  .origin = "cascade.flow:14:5",
                  .arguments = {},
                  .results = {},
                  .expressions = {{"conf", max}},
                  .sources = {},
                  .options = {},
                  .outputs = {scored},
                  .branches = {}};
  const Expression is_sure = Expression::Call(
      "ge", {Expression::Column("conf", TypeOf("f32")), Expression::Constant(0.85, TypeOf("f32"))},
      TypeOf("bool"));
  StepSpec split{.op = "split",
                 .label = "split",
                 .origin = "cascade.flow:15:5",
                 .arguments = {},
                 .results = {},
                 .expressions = {{"where", is_sure}},
                 .sources = {},
                 .options = {},
                 .outputs = {sure, unsure},
                 .branches = {}};
  StepSpec big = small;
  big.label = "map(big)";
  big.results = {{"y", "conf.2"}};
  big.outputs = {again};
  StepSpec merge{.op = "union",
                 .label = "union",
                 .origin = "cascade.flow:20:5",
                 .arguments = {},
                 .results = {},
                 .expressions = {},
                 .sources = {{"id.3", {"id", "id"}}, {"conf.3", {"conf", "conf.2"}}},
                 .options = {},
                 .outputs = {merged},
                 .branches = {}};

  PhysicalPlan plan;
  plan.flow = "cascade";
  plan.inputs = {{"photos", photos}};
  plan.stages = {
      {.name = "look", .inputs = {{-1, 0}}, .steps = {decode, small, derive, split}},
      {.name = "again", .inputs = {{0, 1}}, .steps = {big}, .own_task = true},
      {.name = "merge", .inputs = {{0, 0}, {1, 0}}, .steps = {merge}},
  };
  plan.results = {{"", {2, 0}, {{"id", "id.3"}, {"conf", "conf.3"}}}};
  plan.files = {{"models/small.pt", std::string(64, 'a'), 19'000'000}};
  return plan;
}

}  // namespace raceway::engine::testing
