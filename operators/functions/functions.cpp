#include <array>

#include "operators/functions/audio_resample.h"
#include "operators/functions/audio_wav.h"
#include "operators/functions/boxes_from_heatmap.h"
#include "operators/functions/boxes_nms.h"
#include "operators/functions/function.h"
#include "operators/functions/image_crop.h"
#include "operators/functions/image_crop_boxes.h"
#include "operators/functions/image_decode.h"
#include "operators/functions/image_draw_boxes.h"
#include "operators/functions/image_encode.h"
#include "operators/functions/image_letterbox.h"
#include "operators/functions/image_normalise.h"
#include "operators/functions/image_pyramid.h"
#include "operators/functions/image_resize.h"
#include "operators/functions/labels_lookup.h"
#include "operators/functions/text_wordpiece.h"

namespace raceway::operators {
namespace {

constexpr auto kFunctions = std::to_array<NativeFunctionEntry>({
    {"image.decode", &MakeDecodeImage},
    {"image.resize", &MakeResize},
    {"image.resize_to", &MakeResizeTo},
    {"image.letterbox", &MakeLetterbox},
    {"image.crop", &MakeCrop},
    {"image.crop_boxes", &MakeCropBoxes},
    {"image.normalise", &MakeNormalise},
    {"image.pyramid", &MakePyramid},
    {"image.draw_boxes", &MakeDrawBoxes},
    {"image.encode_png", &MakeEncodePng},
    {"boxes.nms", &MakeNms},
    {"boxes.nms_by_class", &MakeNmsByClass},
    {"boxes.from_heatmap", &MakeFromHeatmap},
    {"boxes.unletterbox", &MakeUnletterbox},
    {"audio.decode_wav", &MakeDecodeWav},
    {"audio.decode_wav_channels", &MakeDecodeWavChannels},
    {"audio.resample", &MakeResample},
    {"labels.lookup", &MakeLabelsLookup},
    {"labels.lookup_all", &MakeLabelsLookup},
    {"text.wordpiece", &MakeWordPiece},
    {"text.wordpiece_pair", &MakeWordPiecePair},
});

}  // namespace

std::span<const NativeFunctionEntry> NativeFunctions() { return kFunctions; }

}  // namespace raceway::operators
