// A coverage-guided fuzzer: keeps the inputs that reached something new, and changes them.
//
//   fuzz_parse [--seconds N] [--seed N] [--findings FOLDER] SEED…
//
// A seed is a file (of a golden file, its flow) or a folder of golden files and flows. Without
// --seconds each seed is tried once, which is what the test suite does. A finding is written to
// FOLDER and ends the process with exit code 1; so does an input that takes longer than ten
// seconds.
//
// AFL++ would do the same: Debian's GCC plugin refuses Debian's GCC by its build date, and the
// parser's runtime does not compile with clang 14.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/coverage.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"

extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));  // NOLINT

namespace raceway::fuzz {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kMaxSeconds = 10;  // for one input

struct Options {
  int64_t seconds = 0;
  uint64_t seed = 1;
  std::filesystem::path findings = ".";
  std::vector<std::filesystem::path> seeds;
};

// What is being tried and where it goes should it be a finding. Plain buffers: they are used while
// the process dies.
std::string current;
std::string finding_path;

void KeepCurrent() {
  std::FILE* file = std::fopen(finding_path.c_str(), "wb");
  if (file == nullptr) return;
  std::fwrite(current.data(), 1, current.size(), file);
  std::fclose(file);
  std::fprintf(stderr, "\nfinding: %s\n", finding_path.c_str());
}

void OnSignal(int number) {
  if (number == SIGALRM) std::fprintf(stderr, "\nlonger than %u s\n", kMaxSeconds);
  KeepCurrent();
  std::_Exit(1);
}

void TryOne(const std::string& text) {
  current = text;
  ::alarm(kMaxSeconds);
  ForgetReached();
  const std::string broken = Try(text);
  ::alarm(0);
  if (broken.empty()) return;
  std::fprintf(stderr, "\n%s\n", broken.c_str());
  KeepCurrent();
  std::exit(1);
}

std::string SeedOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t expected = text.find("\n=====");
  if (expected != std::string::npos) text.resize(expected + 1);
  return text;
}

std::vector<std::string> ReadSeeds(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& path : paths) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      const std::string extension = entry.path().extension();
      if (extension == ".flow" || extension == ".golden") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const std::filesystem::path& file : files) seeds.push_back(SeedOf(file));
  return seeds;
}

class Fuzzer {
 public:
  explicit Fuzzer(const Options& options) : options_(options), random_(options.seed) {}

  void Run(const std::vector<std::string>& seeds) {
    for (const std::string& seed : seeds) Consider(seed);
    const auto end = Clock::now() + std::chrono::seconds(options_.seconds);
    auto next_report = Clock::now();
    while (Clock::now() < end) {
      if (Clock::now() >= next_report) {
        Report();
        next_report = Clock::now() + std::chrono::seconds(30);
      }
      Consider(Mutate(Parent(), kept_[random_() % kept_.size()], random_));
    }
    Report();
  }

 private:
  void Consider(const std::string& text) {
    TryOne(text);
    ++num_tried_;
    if (CountNewlyReached() > 0 || kept_.empty()) kept_.push_back(text);
  }

  /// Half of the time one of the newest.
  const std::string& Parent() {
    const size_t newest = std::min<size_t>(kept_.size(), 64);
    const bool take_new = random_() % 2 == 0;
    const size_t back = random_() % (take_new ? newest : kept_.size());
    return kept_[kept_.size() - 1 - back];
  }

  void Report() const {
    const std::chrono::duration<double> passed = Clock::now() - begin_;
    std::printf("%.*s: %.0f s, %zu inputs tried, %zu kept, %zu steps reached\n",
                static_cast<int>(kTarget.size()), kTarget.data(), passed.count(), num_tried_,
                kept_.size(), CountReached());
    std::fflush(stdout);
  }

  const Options& options_;
  const Clock::time_point begin_ = Clock::now();
  std::mt19937_64 random_;
  std::vector<std::string> kept_;
  size_t num_tried_ = 0;
};

int Usage() {
  std::cerr << "usage: fuzz_" << kTarget
            << " [--seconds N] [--seed N] [--findings FOLDER] SEED…\n"
               "A SEED is a file or a folder of *.flow and *.golden.\n";
  return 2;
}

int Main(const std::vector<std::string>& args) {
  Options options;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool has_value = i + 1 < args.size();
    if (args[i] == "--seconds" && has_value) {
      options.seconds = std::atoll(args[++i].c_str());
    } else if (args[i] == "--seed" && has_value) {
      options.seed = std::strtoull(args[++i].c_str(), nullptr, 10);
    } else if (args[i] == "--findings" && has_value) {
      options.findings = args[++i];
    } else if (args[i].starts_with("-")) {
      return Usage();
    } else {
      options.seeds.emplace_back(args[i]);
    }
  }
  const std::vector<std::string> seeds = ReadSeeds(options.seeds);
  if (seeds.empty()) return Usage();
  std::filesystem::create_directories(options.findings);
  finding_path = options.findings / (std::string(kTarget) + "-finding.flow");
  std::signal(SIGALRM, &OnSignal);
  std::signal(SIGABRT, &OnSignal);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(&KeepCurrent);
  } else {
    std::signal(SIGSEGV, &OnSignal);
  }
  Fuzzer(options).Run(seeds);
  return 0;
}

}  // namespace
}  // namespace raceway::fuzz

int main(int argc, char** argv) {
  return raceway::fuzz::Main(std::vector<std::string>(argv + 1, argv + argc));
}
