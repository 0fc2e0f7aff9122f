#include <array>

#include "operators/functions/audio_resample.h"
#include "operators/functions/audio_wav.h"
#include "operators/functions/function.h"
#include "operators/functions/image_crop.h"
#include "operators/functions/image_decode.h"
#include "operators/functions/image_normalise.h"
#include "operators/functions/image_resize.h"
#include "operators/functions/labels_lookup.h"
#include "operators/functions/text_wordpiece.h"

namespace raceway::operators {
namespace {

constexpr auto kFunctions = std::to_array<NativeFunctionEntry>({
    {"image.decode", &MakeDecodeImage},
    {"image.resize", &MakeResize},
    {"image.crop", &MakeCrop},
    {"image.normalise", &MakeNormalise},
    {"audio.decode_wav", &MakeDecodeWav},
    {"audio.decode_wav_channels", &MakeDecodeWavChannels},
    {"audio.resample", &MakeResample},
    {"labels.lookup", &MakeLabelsLookup},
    {"text.wordpiece", &MakeWordPiece},
    {"text.wordpiece_pair", &MakeWordPiecePair},
});

}  // namespace

std::span<const NativeFunctionEntry> NativeFunctions() { return kFunctions; }

}  // namespace raceway::operators
