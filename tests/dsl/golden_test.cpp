#include <gtest/gtest.h>

#include <string>

#include "dsl/parse.h"
#include "dsl/print.h"
#include "tests/support/golden.h"

namespace raceway::dsl {
namespace {

class SyntaxGoldenTest : public testing::TestWithParam<std::string> {};

// A flow and its tree; a flow that is wrong has its diagnostics in front.
TEST_P(SyntaxGoldenTest, PrintsTheTree) {
  tests::CheckGolden(GetParam(), "syntax", [](const std::string& name, const std::string& flow) {
    const Source source(name, flow);
    const ParseResult result = Parse(source);
    return Render(result.diagnostics, source) + PrintSyntax(result.file);
  });
}

INSTANTIATE_TEST_SUITE_P(Flows, SyntaxGoldenTest,
                         testing::ValuesIn(tests::GoldenFiles("tests/flows/syntax", "syntax")),
                         tests::GoldenName);

class ParseGoldenTest : public testing::TestWithParam<std::string> {};

// What the parser has against a flow.
TEST_P(ParseGoldenTest, RendersTheDiagnostics) {
  tests::CheckGolden(GetParam(), "parse", [](const std::string& name, const std::string& flow) {
    const Source source(name, flow);
    return Render(Parse(source).diagnostics, source);
  });
}

INSTANTIATE_TEST_SUITE_P(Flows, ParseGoldenTest,
                         testing::ValuesIn(tests::GoldenFiles("tests/flows/diagnostics", "parse")),
                         tests::GoldenName);

}  // namespace
}  // namespace raceway::dsl
