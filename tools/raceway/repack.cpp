// `raceway repack`: archives of weights, laid out as they are loaded.
#include "engine/load/repack.h"

#include <signal.h>

#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "engine/input_file.h"
#include "engine/load/use_order.h"
#include "tools/raceway/command.h"
#include "tools/raceway/runtime/cancel_on_interrupt.h"
#include "tools/raceway/runtime/progress.h"

namespace raceway::tools {
namespace {

using engine::Error;
using engine::ErrorCode;
using engine::Result;
using engine::load::RepackReport;

std::string Megabytes(uint64_t num_bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(num_bytes) / 1e6);
  return text;
}

int ExitCodeOf(ErrorCode code) {
  if (code == ErrorCode::kUnavailable) return kMachineLacks;
  return code == ErrorCode::kUnsupported ? kUsage : kRequestFailed;
}

void Print(const RepackOptions& options, const RepackReport& report) {
  if (options.json) {
    const nlohmann::ordered_json json = {
        {"from", options.from},
        {"to", options.to},
        {"bytes_before", report.bytes_before},
        {"bytes", report.bytes_after},
        {"records", report.num_records},
        {"weights_at_blocks", report.num_aligned},
        {"not_there", report.not_there},
    };
    std::puts(json.dump().c_str());
    return;
  }
  std::printf("%s: %zu weights at blocks of 4 KiB, %s (%s before)\n", options.to.c_str(),
              report.num_aligned, Megabytes(report.bytes_after).c_str(),
              Megabytes(report.bytes_before).c_str());
  for (const std::string& name : report.not_there) {
    std::printf("`%s` of the order is no weight of %s\n", name.c_str(), options.from.c_str());
  }
}

}  // namespace

int RunRepack(const RepackOptions& options) {
  // A limit on the size of files is an error of writing, not the end of the process.
  ::signal(SIGXFSZ, SIG_IGN);
  engine::load::RepackOptions how;
  if (!options.order.empty()) {
    const Result<std::string> text = engine::ReadFile(options.order);
    if (!text.ok()) return Fail(kMachineLacks, text.error().message);
    Result<std::vector<std::string>> order = engine::load::ParseUseOrder(*text);
    if (!order.ok()) return Fail(kUsage, options.order + ": " + order.error().message);
    how.order = *std::move(order);
  }
  const CancelOnInterrupt interrupt;
  std::atomic<uint64_t> num_copied = 0;
  how.cancel = interrupt.token().get();
  how.num_copied = &num_copied;
  const Result<RepackReport> report = [&] {
    const Progress progress([&] { return "repacking: " + Megabytes(num_copied); });
    return engine::load::Repack(options.from, options.to, how);
  }();
  if (report.ok()) return Print(options, *report), kFine;
  const Error& error = report.error();
  if (error.code == ErrorCode::kCancelled) {
    return Fail(kRequestFailed, "cancelled: `" + options.to + "` is as it was");
  }
  return Fail(ExitCodeOf(error.code), error.message);
}

}  // namespace raceway::tools
