#include "tests/engine/load/refusals.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace raceway::engine::load::testing {
namespace {

/// Which argument has to have one of which bits for the call to fail.
struct Flag {
  unsigned argument;
  uint32_t bits;
};

constexpr Flag kAny = {0, 0};

void Refuse(long call, int error, Flag flag = kAny) {
  std::vector<sock_filter> code = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (flag.bits != 0) {  // the lower half of the argument comes first
    const auto at = static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * flag.argument);
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag.bits, 1, 0));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)));
  const sock_fprog filter = {static_cast<unsigned short>(code.size()), code.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    throw std::runtime_error("seccomp is refused itself");
  }
}

}  // namespace

void RefuseUring() { Refuse(SYS_io_uring_setup, EPERM); }

void RefuseUserfaultfd() { Refuse(SYS_userfaultfd, EPERM); }

void RefuseDirect() { Refuse(SYS_openat, EINVAL, {2, O_DIRECT}); }

void RefuseReads(int error) { Refuse(SYS_pread64, error); }

}  // namespace raceway::engine::load::testing
