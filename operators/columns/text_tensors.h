#pragma once

#include "operators/column_functions.h"

/// Column functions of tensors of strings (`engine/data/text_tensor.h`): what those of `places.h`
/// and `making.h` do for numbers.
namespace raceway::operators {

engine::Result<engine::Column> IndexTexts(const ColumnCall& call);
engine::Result<engine::Column> ShapeOfTexts(const ColumnCall& call);
engine::Result<engine::Column> TakeTexts(const ColumnCall& call);
engine::Result<engine::Column> SliceTexts(const ColumnCall& call);
engine::Result<engine::Column> InTexts(const ColumnCall& call);
engine::Result<engine::Column> ListTexts(const ColumnCall& call);
engine::Result<engine::Column> ConcatTextTensors(const ColumnCall& call);
engine::Result<engine::Column> Lines(const ColumnCall& call);

}  // namespace raceway::operators
