#pragma once

#include <cstddef>

/// Which code an input reached, from the compiler's instrumentation
/// (`-fsanitize-coverage=trace-pc`, preset `fuzz`). In other builds nothing is instrumented and
/// nothing is ever reached.
namespace raceway::fuzz {

/// Forgets what the input before has reached.
void ForgetReached();

/// How many steps from one place to another, counted in powers of two, no input reached before.
/// They count as reached from now on.
size_t CountNewlyReached();

/// Steps reached by all inputs so far.
size_t CountReached();

}  // namespace raceway::fuzz
