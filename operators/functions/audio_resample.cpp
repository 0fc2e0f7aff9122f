#include "operators/functions/audio_resample.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numbers>
#include <numeric>
#include <utility>

#include "operators/functions/audio_limits.h"

namespace raceway::operators {
namespace {

using engine::Column;
using engine::Error;
using engine::ErrorCode;
using engine::Result;

constexpr double kNumZeros = 6.0;  // of the sinc, on either side
constexpr double kRolloff = 0.99;  // of the lower Nyquist frequency

/// The weights that turn `from` samples into `to`, which have no common divisor.
///
/// Sample q · to + p of the output lies at q · from + p · from / to of the input, so there are `to`
/// sets of weights; in each only those within the window are kept.
struct Filter {
  int64_t rate = 0;  // of what comes in
  int64_t from = 0;
  int64_t to = 0;
  int64_t num_taps = 0;
  std::vector<int64_t> first = {};  // of each phase: the first sample with a weight
  std::vector<float> weights = {};  // num_taps of each phase
};

double Weight(double t) {
  if (std::abs(t) >= kNumZeros) return 0.0;
  const double window = std::cos(t * std::numbers::pi / kNumZeros / 2.0);
  const double x = t * std::numbers::pi;
  return (x == 0.0 ? 1.0 : std::sin(x) / x) * window * window;
}

Filter MakeFilter(int64_t rate, int64_t to_rate) {
  const int64_t divisor = std::gcd(rate, to_rate);
  Filter filter{.rate = rate, .from = rate / divisor, .to = to_rate / divisor};
  const auto from = static_cast<double>(filter.from);
  const double cutoff = std::min(from, static_cast<double>(filter.to)) * kRolloff / from;
  const double reach = kNumZeros / cutoff;  // in samples of the input
  filter.num_taps = static_cast<int64_t>(2 * reach) + 1;
  filter.weights.reserve(static_cast<size_t>(filter.to * filter.num_taps));
  for (int64_t phase = 0; phase < filter.to; ++phase) {
    const double centre = static_cast<double>(phase) * from / static_cast<double>(filter.to);
    const auto first = static_cast<int64_t>(std::ceil(centre - reach));
    filter.first.push_back(first);
    for (int64_t tap = first; tap < first + filter.num_taps; ++tap) {
      const double t = (static_cast<double>(tap) - centre) * cutoff;
      filter.weights.push_back(static_cast<float>(Weight(t) * cutoff));
    }
  }
  return filter;
}

/// f32[samples] → f32[⌈samples · to / from⌉]
at::Tensor Apply(const Filter& filter, const at::Tensor& samples) {
  const at::Tensor input = samples.contiguous();
  const float* in = input.const_data_ptr<float>();
  const int64_t size = input.size(0);
  at::Tensor result = at::empty({(size * filter.to + filter.from - 1) / filter.from}, at::kFloat);
  float* out = result.mutable_data_ptr<float>();
  for (int64_t i = 0; i < result.size(0); ++i) {
    const int64_t phase = i % filter.to;
    const int64_t first = i / filter.to * filter.from + filter.first[static_cast<size_t>(phase)];
    const float* weights = filter.weights.data() + phase * filter.num_taps;
    double sum = 0.0;
    const int64_t end = std::min(first + filter.num_taps, size);
    for (int64_t at = std::max(first, int64_t{0}); at < end; ++at)
      sum += weights[at - first] * in[at];
    out[i] = static_cast<float>(sum);
  }
  return result;
}

class Resample final : public NativeFunction {
 public:
  Resample(engine::Type type, int64_t to) : type_(std::move(type)), to_(to) {}

  Result<std::vector<Column>> Run(std::span<const Column> args, int64_t num_rows,
                                  engine::RunContext& context) const override {
    const at::Tensor rates = args[1].dense().contiguous();
    Result<Column> samples = MapRows(num_rows, type_, context, [&](int64_t row) {
      return AtNewRate(args[0].Row(row), rates.const_data_ptr<int64_t>()[row]);
    });
    if (!samples) return std::move(samples).error();
    return std::vector<Column>{*std::move(samples)};
  }

 private:
  Result<at::Tensor> AtNewRate(const at::Tensor& samples, int64_t rate) const {
    if (rate < 1 || rate > kMaxSampleRate) {
      return Error{ErrorCode::kFailed, "a rate of " + std::to_string(rate) + " Hz: 1 to " +
                                           std::to_string(kMaxSampleRate) + " can be resampled"};
    }
    if (rate == to_) return samples;
    if (samples.size(0) > kMaxSamples || samples.size(0) > kMaxSamples * rate / to_) {
      return Error{ErrorCode::kFailed, std::to_string(samples.size(0)) + " samples at " +
                                           std::to_string(rate) +
                                           " Hz are too many: the limit is " +
                                           std::to_string(kMaxSamples) + " of what comes out"};
    }
    return Apply(*FilterFor(rate), samples);
  }

  /// The last one is kept: recordings that come together mostly have one rate.
  std::shared_ptr<const Filter> FilterFor(int64_t rate) const {
    {
      const std::lock_guard lock(mutex_);
      if (last_ != nullptr && last_->rate == rate) return last_;
    }
    auto filter = std::make_shared<const Filter>(MakeFilter(rate, to_));
    const std::lock_guard lock(mutex_);
    return last_ = std::move(filter);
  }

  engine::Type type_;
  int64_t to_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Filter> last_;
};

}  // namespace

Result<std::unique_ptr<NativeFunction>> MakeResample(const FunctionSpec& spec) {
  const int64_t to = *spec.settings.Find("to")->AsInt();
  if (to < 1 || to > kMaxSampleRate) {
    return Error{ErrorCode::kInvalidArgument, "`to` must be 1 to 768000 Hz"};
  }
  return std::unique_ptr<NativeFunction>(std::make_unique<Resample>(spec.results[0], to));
}

}  // namespace raceway::operators
