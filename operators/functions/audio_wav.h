#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// The mean of a WAV's channels, or one of them.
///
/// Errors   Failed, in one line: "no WAV: …", "truncated WAV: …", "corrupt WAV: …"
engine::Result<std::unique_ptr<NativeFunction>> MakeDecodeWav(const FunctionSpec& spec);

/// Each channel apart, f32[channels, samples].
engine::Result<std::unique_ptr<NativeFunction>> MakeDecodeWavChannels(const FunctionSpec& spec);

}  // namespace raceway::operators
