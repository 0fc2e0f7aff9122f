#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/load/admission.h"
#include "engine/load/arena.h"
#include "engine/load/extent.h"
#include "engine/load/model_file.h"
#include "engine/load/run_door.h"

namespace raceway::engine::load {

/// The page cache's own pages as the memory of a file's weights, where it has all of them: nothing
/// is copied, and the processes of a host have them once.
///
/// Who writes into the memory gets a copy of the page. Who writes into the file waits (see
/// `FileLease`) until this process has copied all of it; so the bytes stay what they were. A copy
/// is taken as well once `writers` has been entered often: then it is worth to have huge pages.
///
/// Input    extents  of this file, by `number` of the file
///          writers  whoever writes into the memory is inside, or the write may be lost
///          claim    room for the copy, which is taken from it piece by piece; may be null
/// Null     where not all is cached, or the file cannot be leased or mapped
std::shared_ptr<Arena> BorrowPages(const ModelFile& file, int32_t number,
                                   std::span<const Extent> extents,
                                   const std::shared_ptr<RunDoor>& writers,
                                   std::shared_ptr<MemoryClaim> claim);

}  // namespace raceway::engine::load
