#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace raceway::engine {

/// A trace that Perfetto (ui.perfetto.dev) and chrome://tracing open: spans of threads, which
/// nest, and spans that begin and end anywhere.
///
/// Source   "Trace Event Format" of Chrome
class ChromeTrace {
 public:
  using Json = nlohmann::ordered_json;

  struct Span {
    std::string name;
    std::string_view category;
    int64_t thread = 0;
    std::chrono::nanoseconds begin = {};  // since the beginning of the trace
    std::chrono::nanoseconds end = {};
    Json arguments = Json::object();  // shown beside it
  };

  void AddSpan(Span span);
  /// Of no thread. Those that may overlap have different ids.
  void AddAsyncSpan(Span span, const std::string& id);
  void NameProcess(const std::string& name);
  /// `place`: how far down it is shown; -1: where the viewer likes.
  void NameThread(int64_t thread, const std::string& name, int64_t place = -1);
  /// What is true of all of it.
  void SetFacts(Json facts) { facts_ = std::move(facts); }

  /// Names may be anything; what is no UTF-8 is replaced.
  std::string Text() &&;

 private:
  void AddFact(const char* what, int64_t thread, Json arguments);

  Json events_ = Json::array();
  Json facts_;
};

}  // namespace raceway::engine
