// What does it cost to hand a request from one stage to the next?
#include "tools/bench/engine_bench.h"

int main(int argc, char** argv) {
  using raceway::bench::EngineBench;
  using raceway::bench::Options;
  const Options options =
      raceway::bench::ParseOptions(argc, argv, "hop: what it costs to hand a request on");
  EngineBench bench(options);
  MeasureHops(bench);
  Print("hop", bench.metrics, options);
}
