// A small service around one flow: a path of a picture a line on standard input, an answer a line
// on standard output, in the order in which they are ready.
//
//   label_server image_cascade.plan [MILLISECONDS] < paths
#include <ATen/ops/scalar_tensor.h>
#include <raceway/awaitable.h>
#include <raceway/engine.h>
#include <raceway/plan.h>

#include <chrono>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <semaphore>
#include <string>

namespace {

constexpr std::ptrdiff_t kMaxInFlight = 64;
std::counting_semaphore<kMaxInFlight> free_slots(kMaxInFlight);

/// A coroutine that runs by itself: it frees its slot when it is over.
struct Answering {
  struct promise_type {  // NOLINT: the name that the language wants
    Answering get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept {
      return free_slots.release(), std::suspend_never();
    }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Answering Answer(raceway::Flow flow, std::string path, std::chrono::milliseconds time) {
  std::ifstream file(path, std::ios::binary);
  const std::string image(std::istreambuf_iterator<char>(file), {});
  raceway::Table photo;
  photo.Set("id", at::scalar_tensor(1, at::kLong).view({1}))
      .Set("image", std::vector<std::string>{image});
  const raceway::Result<raceway::Table> rows =
      co_await raceway::Await(flow, photo, {.deadline = time});
  // From here on in a thread of the engine, or still in ours where the request has ended already.
  if (!rows) {
    std::printf("%s: %s\n", path.c_str(), rows.error().Text().c_str());
  } else {
    const std::string label((*rows->Texts("label"))[0]);
    std::printf("%s: %s (%.2f)\n", path.c_str(), label.c_str(),
                rows->Tensor("conf")->item<double>());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: label_server PLAN [MILLISECONDS] < paths\n", stderr);
    return 2;
  }
  const std::chrono::milliseconds time(argc > 2 ? std::atoi(argv[2]) : 60000);
  const raceway::Result<raceway::Plan> plan = raceway::Plan::Load(argv[1]);
  raceway::Result<raceway::Engine> engine = raceway::Engine::Start();
  if (!plan || !engine) {
    std::fprintf(stderr, "%s\n", (plan ? engine.error() : plan.error()).Text().c_str());
    return 1;
  }
  const raceway::Result<raceway::Flow> flow = engine->Deploy(*plan);
  if (!flow) {
    std::fprintf(stderr, "%s\n", flow.error().Text().c_str());
    return 1;
  }
  for (std::string path; std::getline(std::cin, path);) {
    free_slots.acquire();
    Answer(*flow, path, time);
  }
  for (std::ptrdiff_t i = 0; i < kMaxInFlight; ++i) free_slots.acquire();
  return 0;
}
