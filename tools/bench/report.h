#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What all benches share: their options, their repetitions, and the form of their answer.
namespace raceway::bench {

struct Options {
  bool quick = false;  // a subset of the metrics, within 50 s
  bool json = false;
};

/// Exits with 2 for arguments that are not known, with 0 after `--help`.
Options ParseOptions(int argc, char** argv, const std::string& question);

/// What a metric must be. Judged where the metric has a value (and, for a ratio, a baseline).
struct Goal {
  bool of_ratio = true;  // else of the value
  bool at_most = true;   // else at least
  double bound = 0;
  bool is_strict = false;  // the bound itself misses it

  std::string Text() const;  // "ratio <= 1.5", "value < 15"
};

/// One figure with what it is compared with. Several repetitions each, taken in turn with those of
/// the baseline, so that what else the machine does hits both.
struct Metric {
  std::string name;  // the same in a quick and in a full run
  std::string unit;
  std::vector<double> values;
  std::vector<double> baselines;  // empty: none; else as many as values
  std::string baseline_name;      // for people: "raw TBB node"
  std::optional<Goal> goal = std::nullopt;

  double value() const;                    // median
  std::optional<double> baseline() const;  // median
  std::optional<double> ratio() const;     // of the medians
  /// How far the middle 80 % of the repetitions are apart, as a part of their median; of the ratios
  /// where there is a baseline, else of the values.
  double spread() const;
  std::optional<bool> ok() const;
};

/// Prints a table for people, or for `--json` the object
/// {"bench": …, "metrics": {NAME: {"value", "unit", "baseline", "ratio", "spread", "goal", "ok"}}}.
void Print(const std::string& bench, const std::vector<Metric>& metrics, const Options& options);

/// Calls each of `measures` in turn, `repetitions` times over; the first round is thrown away.
/// Result: for each measure what it returned.
std::vector<std::vector<double>> Interleave(int repetitions,
                                            const std::vector<std::function<double()>>& measures);

/// Nanoseconds that one of `count` calls of `work` takes.
double NanosecondsPer(int count, const std::function<void()>& work);

}  // namespace raceway::bench
