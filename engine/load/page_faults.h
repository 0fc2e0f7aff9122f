#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/result.h"

namespace raceway::engine::load {

/// Holds threads that touch pages which are not there yet, and says which these are.
///
/// Threads  one at a time; pages are touched from any
class PageFaults {
 public:
  virtual ~PageFaults() = default;  // nobody touches the pages any more

  /// Who touches these pages is held, from now on. They are a mapping of shared memory.
  ///
  /// Errors   Unsupported
  virtual Status Watch(std::byte* pages, uint64_t size) = 0;
  /// Readable when pages have been touched.
  virtual int fd() const = 0;
  /// Adds an address for each time that somebody has come to be held.
  virtual void Take(std::vector<uint64_t>& touched) = 0;
  /// Pages that were watched have their bytes: who is held reads them.
  virtual void Open(std::byte* pages, uint64_t size) = 0;
  /// The same of pages that another mapping has taken the place of.
  virtual void LetGo(std::byte* pages, uint64_t size) = 0;
  /// All pages are open: nobody will be held, and `fd` is not asked any more.
  virtual void Close() = 0;
};

/// By userfaultfd(2).
///
/// Errors   Unsupported where the kernel refuses
Result<std::unique_ptr<PageFaults>> MakeKernelFaults();

/// By a handler for SIGSEGV (page_signals.cpp), which stays to the end of the process and hands on
/// what is not about pages that are watched.
///
/// Errors   Unsupported where there is none left: some 60 packages load at a time
Result<std::unique_ptr<PageFaults>> MakeSignalFaults();

/// Asks for that handler, where userfaultfd(2) is refused: else the code of packages waits for all
/// of their weights. The signals of a process are its host's, so the engine never does so itself.
/// Who installs a handler for SIGSEGV afterwards hands on to the one that was there.
///
/// Threads  any
void AllowSegvHandler(bool may = true);

/// The kernel's; where it refuses, and the host allows it, the handler's.
///
/// Errors   as `MakeKernelFaults`
Result<std::unique_ptr<PageFaults>> MakePageFaults();

}  // namespace raceway::engine::load
