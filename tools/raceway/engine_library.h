#pragma once

namespace raceway::tools {

/// A function of the library that holds the engine: beside this program (`../lib`) or where the
/// loader finds it. Opened once. Null, and said, if it is not there.
void* EngineFunction(const char* name);

}  // namespace raceway::tools
