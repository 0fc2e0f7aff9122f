#pragma once

#include "engine/result.h"
#include "tools/raceway/lsp/features.h"

/// The answers, one for each method; `features.cpp` has their list.
namespace raceway::tools::lsp {

engine::Result<Json> AnswerHover(const Question& question);
engine::Result<Json> AnswerDefinition(const Question& question);
engine::Result<Json> AnswerReferences(const Question& question);
engine::Result<Json> AnswerHighlights(const Question& question);
engine::Result<Json> AnswerPrepareRename(const Question& question);
engine::Result<Json> AnswerRename(const Question& question);
engine::Result<Json> AnswerCompletion(const Question& question);
engine::Result<Json> AnswerSymbols(const Question& question);
engine::Result<Json> AnswerFolding(const Question& question);
engine::Result<Json> AnswerInlayHints(const Question& question);
engine::Result<Json> AnswerFormatting(const Question& question);
engine::Result<Json> AnswerCodeActions(const Question& question);

}  // namespace raceway::tools::lsp
