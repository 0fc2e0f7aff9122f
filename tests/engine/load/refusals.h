#pragma once

/// Makes system calls fail as containers' profiles and some file systems do, for the calling thread
/// and those that it starts, to their end: so for a thread of its own.
namespace raceway::engine::load::testing {

void RefuseUring();           // io_uring_setup(2): EPERM
void RefuseUserfaultfd();     // userfaultfd(2): EPERM
void RefuseDirect();          // openat(2) with O_DIRECT: EINVAL
void RefuseReads(int error);  // pread64(2), as small records are read

}  // namespace raceway::engine::load::testing
