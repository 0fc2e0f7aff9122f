// SARIF: what the schema of version 2.1.0 requires, and that places and edits are right.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/parse.h"
#include "tests/support/golden.h"

namespace raceway::dsl {
namespace {

using nlohmann::json;

json SarifOf(const std::string& text, const std::string& name = "test.flow") {
  const Source source(name, text);
  return json::parse(RenderSarif(Parse(source).diagnostics, source));
}

bool HasText(const json& message) { return message.is_object() && message.at("text").is_string(); }

/// The members that sarif-schema-2.1.0.json requires of a region, and its minima.
void ExpectRegion(const json& region) {
  EXPECT_GE(region.at("startLine").get<int>(), 1);
  EXPECT_GE(region.at("startColumn").get<int>(), 1);
  EXPECT_GE(region.at("endLine").get<int>(), region.at("startLine").get<int>());
  if (region.at("endLine") == region.at("startLine")) {
    EXPECT_GE(region.at("endColumn").get<int>(), region.at("startColumn").get<int>());
  }
}

void ExpectLocation(const json& location) {
  const json& place = location.at("physicalLocation");
  EXPECT_TRUE(place.at("artifactLocation").at("uri").is_string());
  ExpectRegion(place.at("region"));
}

void ExpectFix(const json& fix) {
  EXPECT_TRUE(HasText(fix.at("description")));
  ASSERT_GE(fix.at("artifactChanges").size(), 1u);
  for (const json& change : fix.at("artifactChanges")) {
    EXPECT_TRUE(change.at("artifactLocation").at("uri").is_string());
    ASSERT_GE(change.at("replacements").size(), 1u);
    for (const json& replacement : change.at("replacements")) {
      ExpectRegion(replacement.at("deletedRegion"));
      EXPECT_TRUE(HasText(replacement.at("insertedContent")));
    }
  }
}

/// What the schema requires of the logs that we write.
void ExpectValid(const json& log) {
  EXPECT_EQ(log.at("version"), "2.1.0");
  ASSERT_EQ(log.at("runs").size(), 1u);
  const json& run = log.at("runs").front();
  const json& driver = run.at("tool").at("driver");
  EXPECT_TRUE(driver.at("name").is_string());
  const json& rules = driver.at("rules");
  for (const json& rule : rules) EXPECT_TRUE(rule.at("id").is_string());
  for (const json& result : run.at("results")) {
    EXPECT_TRUE(HasText(result.at("message")));
    const std::string level = result.at("level");
    EXPECT_TRUE(level == "note" || level == "warning" || level == "error") << level;
    EXPECT_EQ(rules.at(result.at("ruleIndex").get<size_t>()).at("id"), result.at("ruleId"));
    for (const json& location : result.at("locations")) ExpectLocation(location);
    if (result.contains("relatedLocations")) {
      for (const json& location : result.at("relatedLocations")) ExpectLocation(location);
    }
    if (result.contains("fixes")) {
      for (const json& fix : result.at("fixes")) ExpectFix(fix);
    }
  }
}

TEST(SarifTest, HasWhatTheSchemaRequires) {
  for (const std::string& file : tests::GoldenFiles("tests/flows/diagnostics", "parse")) {
    SCOPED_TRACE(file);
    ExpectValid(SarifOf(tests::GoldenFlow(file)));
  }
  ExpectValid(SarifOf("edition 1\n"));
}

TEST(SarifTest, PlacesAreInCharactersAndEditsReplaceThem) {
  const json log = SarifOf("edition 1\nflow f(t: A) -> A { return t |> derive(ü = 'ä' ) }\n");
  const json& result = log.at("runs").front().at("results").at(0);
  const json region = {{"startLine", 2}, {"startColumn", 44}, {"endLine", 2}, {"endColumn", 47}};
  EXPECT_EQ(result.at("locations").at(0).at("physicalLocation").at("region"), region);
  const json& change = result.at("fixes").at(0).at("artifactChanges").at(0);
  ASSERT_EQ(change.at("replacements").size(), 2u);
  EXPECT_EQ(change.at("replacements").at(0).at("insertedContent").at("text"), "\"");
}

TEST(SarifTest, NamesOfFilesAreUris) {
  const json log = SarifOf("edition 1\n;\n", "a b/ü%.flow");
  const json& location = log.at("runs").at(0).at("results").at(0).at("locations").at(0);
  EXPECT_EQ(location.at("physicalLocation").at("artifactLocation").at("uri"),
            "a%20b/%C3%BC%25.flow");
}

}  // namespace
}  // namespace raceway::dsl
