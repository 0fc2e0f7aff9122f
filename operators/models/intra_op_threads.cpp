#include "operators/models/intra_op_threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

namespace raceway::operators {
namespace {

/// What sets the number of the calling thread alone; null where LibTorch has none. Looked for in
/// LibTorch and what it links: a second OpenMP in the process would have threads of its own.
struct Setters {
  void (*openmp)(int) = nullptr;
  int (*mkl)(int) = nullptr;  // gives what was set before, 0: nothing
};

const Setters& OfThisThread() {
  static const Setters kSetters = [] {
    Setters setters;
    Dl_info torch = {};
    if (::dladdr(reinterpret_cast<const void*>(&at::get_num_threads), &torch) == 0) return setters;
    void* library = ::dlopen(torch.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) return setters;
    setters.openmp = reinterpret_cast<void (*)(int)>(::dlsym(library, "omp_set_num_threads"));
    setters.mkl = reinterpret_cast<int (*)(int)>(::dlsym(library, "MKL_Set_Num_Threads_Local"));
    return setters;
  }();
  return kSetters;
}

}  // namespace

IntraOpThreads::IntraOpThreads(int num_threads) {
  if (num_threads <= 0 || OfThisThread().openmp == nullptr) return;
  const int before = at::get_num_threads();
  if (before == num_threads) return;
  before_ = before;
  OfThisThread().openmp(num_threads);
  if (OfThisThread().mkl != nullptr) mkl_before_ = OfThisThread().mkl(num_threads);
}

IntraOpThreads::~IntraOpThreads() {
  if (before_ == 0 || OfThisThread().openmp == nullptr) return;
  OfThisThread().openmp(before_);
  if (OfThisThread().mkl != nullptr) OfThisThread().mkl(mkl_before_);
}

}  // namespace raceway::operators
