#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// Texts → pieces of a vocabulary, as BERT-like models want them.
///
/// Settings `vocab`, a file with one piece a line, `[PAD]`, `[UNK]`, `[CLS]` and `[SEP]` among
/// them; `lowercase`; `max_length`
/// Results  ids, mask and kinds, i64[N] each. Where the plan declares a size they have it: shorter
///          texts are filled up with `[PAD]`, the mask says where
/// Errors   at deployment Unavailable for a missing file, InvalidArgument for one that is no
///          vocabulary; Failed for a text that is not UTF-8
///
/// What a text spells like a special piece (`[SEP]`) is text.
engine::Result<std::unique_ptr<NativeFunction>> MakeWordPiece(const FunctionSpec& spec);
/// The same of two texts.
engine::Result<std::unique_ptr<NativeFunction>> MakeWordPiecePair(const FunctionSpec& spec);

}  // namespace raceway::operators
