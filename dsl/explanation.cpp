#include "dsl/explanation.h"

namespace raceway::dsl {

std::string_view ExplanationOf(std::string_view code) {
  for (const Explanation& explanation : AllExplanations()) {
    if (explanation.code == code) return explanation.text;
  }
  return "";
}

}  // namespace raceway::dsl
