// Compiles the flow on standard input, and says what it takes and gives or what is wrong with it.
//
//   compile_text FOLDER < flow
#include <raceway/compile.h>
#include <raceway/engine.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const raceway::Result<raceway::Compilation> compiled =
      raceway::CompileText(text, "stdin", argv[1]);
  if (!compiled || !compiled->plan) {
    std::fputs(compiled ? compiled->text.c_str() : compiled.error().Text().c_str(), stderr);
    return 1;
  }
  raceway::Engine engine = *raceway::Engine::Start();
  const raceway::Result<raceway::Flow> flow = engine.Deploy(*compiled->plan);
  if (!flow) {
    std::fprintf(stderr, "%s\n", flow.error().Text().c_str());
    return 1;
  }
  std::printf("%s%s -> %s\n", flow->name().c_str(), ToString(flow->inputs()[0].schema).c_str(),
              ToString(flow->results()[0].schema).c_str());
  return 0;
}
