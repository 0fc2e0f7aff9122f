#pragma once

#include <raceway/cancel.h>
#include <raceway/export.h>
#include <raceway/plan.h>
#include <raceway/result.h>
#include <raceway/schema.h>
#include <raceway/table.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace raceway {
inline namespace v0 {

/// When a request's time is over: a point in time, or a duration from now.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  Deadline(Clock::time_point at) : at_(at) {}  // NOLINT: implicit
  template <typename Rep, typename Period>
  Deadline(std::chrono::duration<Rep, Period> from_now)  // NOLINT: implicit
      : at_(Clock::now() + std::chrono::ceil<Clock::duration>(from_now)) {}

  Clock::time_point at() const { return at_; }

 private:
  Clock::time_point at_;
};

struct RequestOptions {
  /// Late, the request ends with `kDeadlineExceeded`: between steps, and within models between
  /// LibTorch operators. `{.deadline = 50ms}` counts from where it is written.
  std::optional<Deadline> deadline = std::nullopt;
  CancelToken cancel = {};
};

struct DeployOptions {
  /// Whether the files that the plan names must be those it was compiled with, by their SHA-256,
  /// which reads each of them once; and whether libraries of functions that were never loaded on
  /// this machine are loaded by another process first, which may crash (README.md of this library).
  bool check_files = true;
};

/// A flow that an engine runs. A handle: the last one to go undeploys the flow. It may be kept
/// after its engine has ended, then each request ends with `kUnavailable`.
///
/// A request ends exactly once, with its rows or with an error. Its table must have the columns of
/// `inputs()[0].schema`, in any order, with their types; no rows are fine. Errors of a request:
/// InvalidArgument for another table, Failed with stage and row where an operator fails, Cancelled,
/// DeadlineExceeded, Timeout; Unavailable after the engine's end or in a child process of a fork.
///
/// Threads  any, and several at once
class RACEWAY_API Flow {
 public:
  /// Gets the result, in a thread of the engine or, where the table is not what the flow takes, in
  /// the caller's. Must neither throw nor wait for other requests: it holds up the thread that
  /// would run them.
  using Completion = std::function<void(Result<Table>)>;
  using TablesCompletion = std::function<void(Result<std::vector<Table>>)>;

  Flow(const Flow&) = default;
  Flow& operator=(const Flow&) = default;

  const std::string& name() const;
  const std::vector<TableSpec>& inputs() const;
  const std::vector<TableSpec>& results() const;

  /// Runs the request in this thread and waits for its end: the quickest way for one request.
  Result<Table> Run(const Table& rows, const RequestOptions& options = {}) const;
  /// Returns at once; a worker of the engine runs the request.
  std::future<Result<Table>> Submit(const Table& rows, const RequestOptions& options = {}) const;
  void Submit(const Table& rows, const RequestOptions& options, Completion completion) const;

  /// The same of flows that take or give several tables, in the order of `inputs()` and
  /// `results()`; one request all the same. Such flows refuse the calls above.
  Result<std::vector<Table>> RunTables(const std::vector<Table>& inputs,
                                       const RequestOptions& options = {}) const;
  std::future<Result<std::vector<Table>>> SubmitTables(const std::vector<Table>& inputs,
                                                       const RequestOptions& options = {}) const;
  void SubmitTables(const std::vector<Table>& inputs, const RequestOptions& options,
                    TablesCompletion completion) const;

  struct RACEWAY_HIDDEN State;  // the library's own

 private:
  friend struct FlowAccess;
  explicit Flow(std::shared_ptr<const State> state);

  std::shared_ptr<const State> state_;
};

struct EngineOptions {
  /// Threads that run requests, besides those that call `Run`; 0: one for each core. There are at
  /// most one less than TBB allows the process (`tbb::global_control`; by default as many as
  /// cores), and at least one: `Engine::num_workers()` says how many. Times the threads of a
  /// LibTorch operator (`at::get_num_threads()`) they should not exceed the cores.
  int num_workers = 0;
};

/// Where the kernel refuses userfaultfd (Docker's profile does), AOTInductor packages wait for all
/// of their weights before they compute. After this call a handler for SIGSEGV holds them instead
/// where a weight is missing, for all engines of the process and to its end. It hands on what is
/// not its own; whoever installs another one later must do so, too.
///
/// Threads  any
RACEWAY_API void AllowSegvHandler();

/// Runs plans: what a service embeds. Several may live in one process.
///
/// It installs no signal handler (`AllowSegvHandler` asks for one), changes no environment variable
/// and not LibTorch's number of threads: those are the program's (README.md of this library says
/// what to set).
///
/// Threads  all functions but moves and the destructor may be called from any thread
class RACEWAY_API Engine {
 public:
  /// Errors   InvalidArgument for options that make no sense; Unavailable in a child process that
  ///          was forked after its parent had started an engine: threads do not survive a fork
  static Result<Engine> Start(EngineOptions options = {});

  Engine(Engine&& other) noexcept;
  Engine& operator=(Engine&& other) noexcept;  // ends the one that was here
  ~Engine();                                   // stops it

  /// Waits for the requests in flight, their completions included, so that none of them may call
  /// it. All later calls end with `kUnavailable`, also those that race with it. (In a child process
  /// of a fork it does nothing: nobody runs them there.)
  void Stop();

  /// Makes the operators of `plan`; its models are loaded before it returns.
  ///
  /// Errors   Unavailable for a missing or changed file or a device that is not there, Unsupported
  ///          for an operator that this release does not have, InvalidArgument for a bad plan,
  ///          Failed for a library of functions that ends the process that tries it
  Result<Flow> Deploy(const Plan& plan, DeployOptions options = {});

  /// Later requests to `flow` run by `plan`, those in flight by the plan they began with. Until the
  /// models of `plan` are loaded, and if they cannot be, nothing changes. What it returns is ready
  /// once the old plan's requests have ended and its models are gone; nobody must wait for it. The
  /// defaults of columns stay those of the plan that was deployed.
  ///
  /// Errors   those of `Deploy`; InvalidArgument if the tables in or out are others than those of
  ///          `flow` or it is another engine's, Unavailable if it was undeployed
  Result<std::future<void>> Replace(const Flow& flow, const Plan& plan, DeployOptions options = {});

  /// From now on requests to `flow` end with `kUnavailable`; those in flight go on. What it returns
  /// is ready once they have ended and the models are gone; nobody must wait for it, and no
  /// completion may.
  ///
  /// Errors   InvalidArgument if it is another engine's; Unavailable in a forked child
  Result<std::future<void>> Undeploy(const Flow& flow);

  /// Threads that run requests, besides those that call `Run`.
  int num_workers() const;

  struct RACEWAY_HIDDEN State;  // the library's own

 private:
  explicit Engine(std::shared_ptr<State> state);
  Status CheckReady(const Flow* flow) const;

  std::shared_ptr<State> state_;
};

}  // namespace v0
}  // namespace raceway
