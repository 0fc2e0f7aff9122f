#include "engine/exec/stage_trace.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <memory>
#include <utility>

#include "engine/gate.h"

namespace raceway::engine {

using Kind = TraceEvent::Kind;

namespace {

TraceEvent::Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

/// Notes the LibTorch operators of a stage while it lives.
class TraceGate final : public OperatorGate {
 public:
  TraceGate(const Tracing& tracing, TraceEvent like)
      : tracer_(*tracing.tracer), like_(std::move(like)), scope_(*this) {}

  void BeforeOperator(const c10::OperatorHandle&, const torch::jit::Stack&) override {
    begin_ = Now();
  }
  void AfterOperator(const c10::OperatorHandle& op) override {
    TraceEvent event = like_;
    event.begin = begin_;
    event.end = Now();
    event.text = toString(op.operator_name());
    tracer_.Note(std::move(event));
  }

 private:
  Tracer& tracer_;
  const TraceEvent like_;
  TraceEvent::Time begin_;
  GateScope scope_;
};

void Tracing::NoteRequest(Request& request, int64_t num_rows) const noexcept {
  TraceEvent event{.kind = Kind::kRequest,
                   .flow = flow,
                   .request = static_cast<int64_t>(request.id()),
                   .num_rows = num_rows,
                   .begin = request.ready_since(-1),
                   .end = Now()};
  try {
    if (const Error* error = request.error()) {
      event.text = std::string(engine::NameOf(error->code)) + ": " + error->Text();
    }
  } catch (...) {  // no memory for the text
  }
  tracer->Note(std::move(event));
}

void Tracing::NotePass(Request& request, int32_t stage) const noexcept {
  const TraceEvent::Time now = Now();
  tracer->Note({.kind = Kind::kPass,
                .flow = flow,
                .request = static_cast<int64_t>(request.id()),
                .stage = stage,
                .begin = now,
                .end = now});
}

StageTrace::StageTrace(const Tracing& tracing, Request& request, int32_t stage) noexcept
    : tracing_(tracing), request_(static_cast<int64_t>(request.id())), stage_(stage) {
  if (!tracing_) return;
  begin_ = Now();
  Note(Kind::kQueue, request.ready_since(stage), begin_);
}

void StageTrace::Taken(int64_t num_rows) noexcept {
  if (!tracing_) return;
  num_rows_ = num_rows;
  const TraceEvent::Time now = Now();
  Note(Kind::kCopy, begin_, now);
  begin_ = now;
  if (!tracing_.tracer->sees_operators() || !InstallOperatorGate().ok()) return;
  try {
    gate_ = std::make_unique<TraceGate>(
        tracing_,
        TraceEvent{
            .kind = Kind::kOperator, .flow = tracing_.flow, .request = request_, .stage = stage_});
  } catch (...) {  // no memory: no operators in the trace
  }
}

StageTrace::~StageTrace() {
  if (!tracing_) return;
  gate_.reset();
  Note(Kind::kRun, begin_, Now());
}

void StageTrace::Note(Kind kind, TraceEvent::Time begin, TraceEvent::Time end) noexcept {
  tracing_.tracer->Note({.kind = kind,
                         .flow = tracing_.flow,
                         .request = request_,
                         .stage = stage_,
                         .num_rows = num_rows_,
                         .begin = begin,
                         .end = end});
}

}  // namespace raceway::engine
