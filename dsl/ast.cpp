#include "dsl/ast.h"

namespace raceway::dsl::ast {

std::string Path::Text() const {
  std::string text;
  for (const Name& name : names) text += (text.empty() ? "" : ".") + name.text;
  return text;
}

}  // namespace raceway::dsl::ast
