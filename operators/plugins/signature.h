#pragma once

#include <string>
#include <string_view>

#include "engine/catalog.h"
#include "engine/result.h"

namespace raceway::operators {

/// `blur(px: u8[H, W, 3]) -> (px: u8[H, W, 3])`, as the author of a plugin writes it, as a contract
/// without settings and docs.
///
/// Errors   InvalidArgument: "the signature `blur(px: u9)`: no type `u9`"
engine::Result<engine::FunctionContract> ParseSignature(std::string_view text);

/// Whether a flow can write `name` without backquotes: a letter or `_`, then letters, digits, `_`.
bool IsPlainName(std::string_view name);

}  // namespace raceway::operators
