#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/load/archive.h"
#include "engine/load/weight_map.h"
#include "engine/result.h"

namespace raceway::engine::load {

/// A constant that compiled code wants: a weight, a buffer, a tensor that it was given.
struct AotiConstant {
  std::string name;  // in the program: "encoder.layer.0.weight"
  ScalarType dtype = ScalarType::kF32;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
  uint64_t num_bytes = 0;  // of its storage, as it was compiled
  bool is_folded = false;  // computed from others when the code starts
};

/// Where a package has the weights of its code.
enum class AotiWeights {
  kInLibrary,  // in the shared object, which the pipelined loader cannot fill
  kElsewhere,  // not in the package: they are given to it by name
  kInBlob,     // one after the other in a file beside the shared object
  kInFiles,    // each as `torch.save` writes it; several constants may look at one
};

struct AotiPackage {
  std::string folder;                   // of the model: "data/aotinductor/model/"
  std::string library;                  // its record
  std::string source;                   // of what calls the kernels, as text
  std::vector<AotiConstant> constants;  // kInLibrary: may be none, where their form is not known
  AotiWeights place = AotiWeights::kInLibrary;
  WeightMap weights;           // kInBlob, kInFiles: under the names of `constants`
  std::optional<Extent> blob;  // kInBlob: all of it, with the checksum that its weights lack
};

/// Whether an archive is a `.pt2`: compiled code, or a program of `torch.export`.
bool IsPackage(const Archive& archive);

/// Reads which weights the code of an AOTInductor package wants, and where they are. The package
/// says it in its source, as LibTorch 2.9 to 2.11 write it. Of several models it takes `model`,
/// else the first.
///
/// Errors   Unsupported for a package without compiled code, or one that says it in another way;
///          InvalidArgument for weights that are not as they are described
Result<AotiPackage> ReadAotiPackage(const Archive& archive);

/// The tensors of `weights` that constants get, by name, an index for each; of those that are
/// folded none is wanted, they get `weights.tensors.size()`. For weights that a package does not
/// have. What the code does not want is left alone, unless it is so little that the code may have
/// the numbers it was compiled with: these would stay what they were.
///
/// Errors   InvalidArgument, without a file, for one that is missing, of another type or shape, or
///          perhaps in the code; Unsupported for one whose elements lie in another order than the
///          code was compiled for
Result<std::vector<size_t>> MatchWeights(const std::vector<AotiConstant>& constants,
                                         const WeightMap& weights);

/// The constants in the source of compiled code. Nothing but that is understood of it.
///
/// Errors   Unsupported, without the file
Result<std::vector<AotiConstant>> ConstantsOfWrapper(std::string_view source);

}  // namespace raceway::engine::load
