// The compiler: each flow has a plan that holds, or an error.
#include "compiler/compile.h"

#include <variant>

#include "dsl/parse.h"
#include "tests/compiler/compiling.h"
#include "tests/fuzz/target.h"

namespace raceway::fuzz {

const std::string_view kTarget = "check";

std::string Try(const std::string& text) {
  const compiler::testing::Compiled checked = compiler::testing::Compile(text);
  if (checked.Text().empty() != checked.result.diagnostics.empty()) return "not rendered";
  for (const dsl::ast::Item& item : checked.result.parsed().file.items) {
    const auto* flow = std::get_if<dsl::ast::FlowDecl>(&item);
    if (flow == nullptr) continue;
    const compiler::testing::Compiled compiled =
        compiler::testing::Compile(text, {.flow = flow->name.text, .params = {}, .without = {}});
    const compiler::CompileResult& result = compiled.result;
    const bool has_plan = result.physical.has_value() && !result.is_file_missing;
    if (result.diagnostics.has_errors_of_flows() == has_plan) return "a plan, or else an error";
    if (!result.physical) continue;
    const engine::Status valid = engine::Validate(*result.physical);
    if (!valid.ok()) return "the plan does not hold: " + valid.error().message;
    const std::string json = ToJson(*result.physical);
    const auto read = engine::PlanFromJson(json);
    if (!read.ok()) return "the plan cannot be read back: " + read.error().message;
    if (ToJson(*read) != json) return "the plan read back is another";
  }
  return {};
}

}  // namespace raceway::fuzz
