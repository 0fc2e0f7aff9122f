#pragma once

#include <filesystem>

namespace raceway::bench {

/// Takes a file out of the page cache, and makes sure that it is. Ends the bench if it is not.
void MakeCold(const std::filesystem::path& path);

/// Gets a file into the page cache, all of it. Ends the bench if it does not stay there.
void MakeHot(const std::filesystem::path& path);

/// Bytes per second at which a file comes past the page cache, read as loads read it: blocks of
/// 1 MiB, eight in flight. The readers are gone when it returns, with their threads.
double DirectRate(const std::filesystem::path& path);

/// The same from the page cache, which has to have the file.
double CopyRate(const std::filesystem::path& path);

/// Bytes per second of checksums by one thread, of what the processor has not at hand.
double ChecksumRate();

}  // namespace raceway::bench
