// The sources of weights: whatever a file is, an error that names it or a map that lies within it.
// Some parts are tried on their own as well; fuzz_records does more of that, since few archives
// survive that a record becomes longer.
#include "engine/load/archive.h"
#include "engine/load/aoti_source.h"
#include "engine/load/pickle.h"
#include "engine/load/safetensors_header.h"
#include "engine/load/use_order.h"
#include "tests/engine/load/read_any.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

namespace raceway::fuzz {

const std::string_view kTarget = "archive";

std::string Try(const std::string& text) {
  (void)engine::load::ReadPickle(text);
  (void)engine::load::ParseSafetensorsHeader(text);
  (void)engine::load::ConstantsOfWrapper(text);
  const MemoryFile file(text);
  if (!file.is_whole()) return "no memory for the file";
  const engine::Result<engine::load::Archive> archive = engine::load::Archive::Open(file.path());
  if (archive.ok()) (void)RecordedOrder(*archive);
  return engine::load::testing::Fault(file.path(), file.path());
}

}  // namespace raceway::fuzz
