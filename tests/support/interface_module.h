#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/parser.h>
#include <torch/csrc/jit/frontend/resolver.h>

#include <memory>
#include <string>

namespace raceway::tests {

/// A module that calls `forward(x)` of its attribute `part`, of which it knows an interface only,
/// as `@torch.jit.interface` makes it.
inline torch::jit::Module BehindInterface(const torch::jit::Module& part) {
  const std::shared_ptr<torch::jit::CompilationUnit> unit = part._ivalue()->compilation_unit();
  const c10::QualifiedName name("__torch__.Part");
  const std::string text = "class Part:\n  def forward(self, x: Tensor) -> Tensor:\n    pass\n";
  torch::jit::Parser parser(std::make_shared<torch::jit::Source>(text));
  unit->define_interface(name, torch::jit::ClassDef(parser.parseClass()),
                         torch::jit::nativeResolver(), /*is_module=*/true);
  torch::jit::Module whole(c10::QualifiedName("__torch__.Whole"), unit);
  whole.register_attribute("part", unit->get_interface(name), part._ivalue());
  whole.register_attribute("training", c10::BoolType::get(), false);
  whole.define("def forward(self, x):\n  return self.part.forward(x)\n");
  return whole;
}

}  // namespace raceway::tests
