#include "operators/register_all.h"

#include "operators/agg.h"
#include "operators/derive.h"
#include "operators/drop.h"
#include "operators/explode.h"
#include "operators/fail.h"
#include "operators/filter.h"
#include "operators/join.h"
#include "operators/limit.h"
#include "operators/lookup.h"
#include "operators/model.h"
#include "operators/native.h"
#include "operators/omit.h"
#include "operators/plugins/step.h"
#include "operators/prefetch.h"
#include "operators/select.h"
#include "operators/sort.h"
#include "operators/split.h"
#include "operators/union.h"

namespace raceway::operators {

void RegisterAll(engine::OperatorFactories& factories) {
  factories.Add("agg", &MakeAgg);
  factories.Add("derive", &MakeDerive);
  factories.Add("drop", &MakeDrop);
  factories.Add("explode", &MakeExplode);
  factories.Add("fail", &MakeFail);
  factories.Add("filter", &MakeFilter);
  factories.Add("join", &MakeJoin);
  factories.Add("limit", &MakeLimit);
  factories.Add("lookup", &MakeLookup);
  factories.Add("model", &MakeModel);
  factories.Add("native", &MakeNative);
  factories.Add("omit", &MakeOmit);
  factories.Add("plugin", &MakePlugin);
  factories.Add("prefetch", &MakePrefetch);
  factories.Add("select", &MakeSelect);
  factories.Add("sort", &MakeSort);
  factories.Add("split", &MakeSplit);
  factories.Add("union", &MakeUnion);
}

}  // namespace raceway::operators
