#pragma once

#include "operators/functions/function.h"

namespace raceway::operators {

/// Samples at another rate: ⌈samples · to / rate⌉ of them, as if there were silence around.
///
/// Source   torchaudio.functional.resample with its defaults: a sinc of 6 zeros on either side,
///          cut off at 0.99 of the lower Nyquist frequency, under a Hann window
engine::Result<std::unique_ptr<NativeFunction>> MakeResample(const FunctionSpec& spec);

}  // namespace raceway::operators
