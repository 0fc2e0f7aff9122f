#pragma once

/// The number of this library's ABI: in its file's name (`libraceway.so.0`), in the namespace of
/// what it offers (`raceway::v0`) and in the version of its symbols (`RACEWAY_0`). It is raised
/// when a program built against an older release would no longer run.
#define RACEWAY_ABI 0

#define RACEWAY_API __attribute__((visibility("default")))
#define RACEWAY_HIDDEN __attribute__((visibility("hidden")))
