#include "operators/register_all.h"

#include "operators/derive.h"
#include "operators/filter.h"
#include "operators/model.h"
#include "operators/native.h"
#include "operators/omit.h"
#include "operators/select.h"
#include "operators/split.h"
#include "operators/union.h"

namespace raceway::operators {

void RegisterAll(engine::OperatorFactories& factories) {
  factories.Add("derive", &MakeDerive);
  factories.Add("filter", &MakeFilter);
  factories.Add("model", &MakeModel);
  factories.Add("native", &MakeNative);
  factories.Add("omit", &MakeOmit);
  factories.Add("select", &MakeSelect);
  factories.Add("split", &MakeSplit);
  factories.Add("union", &MakeUnion);
}

}  // namespace raceway::operators
