#pragma once

namespace raceway::operators {

/// How many threads LibTorch's operators may use that this thread calls, for the length of a scope.
/// Other threads, and threads to come, keep what they have: `at::set_num_threads` would change
/// both.
class IntraOpThreads {
 public:
  explicit IntraOpThreads(int num_threads);  // 0: as it is
  ~IntraOpThreads();
  IntraOpThreads(const IntraOpThreads&) = delete;

 private:
  int before_ = 0;  // of OpenMP; 0: nothing was changed
  int mkl_before_ = 0;
};

}  // namespace raceway::operators
