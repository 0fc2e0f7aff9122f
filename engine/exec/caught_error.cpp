#include "engine/exec/caught_error.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "engine/exec/request.h"
#include "engine/gate.h"

namespace raceway::engine {
namespace {

std::string Trimmed(std::string_view text) {
  return std::string(text.substr(0, text.find_last_not_of(" \n\t") + 1));
}

}  // namespace

Error CaughtError() noexcept {
  try {
    throw;
  } catch (const Stopped& stopped) {
    return StopError(stopped.code, {});
  } catch (const c10::Error& error) {
    return {.code = ErrorCode::kFailed, .message = Trimmed(error.what_without_backtrace())};
  } catch (const std::bad_alloc&) {
    return {.code = ErrorCode::kFailed, .message = "out of memory"};
  } catch (const std::exception& exception) {
    return {.code = ErrorCode::kFailed, .message = Trimmed(exception.what())};
  } catch (...) {
    return {.code = ErrorCode::kInternal, .message = "the operator threw something unknown"};
  }
}

}  // namespace raceway::engine
