#pragma once

#include <raceway/cancel.h>

#include <memory>

#include "engine/cancel.h"

namespace raceway {
inline namespace v0 {

struct CancelToken::State {
  engine::CancelToken token;
};

struct CancelAccess {
  /// Null for a token that never cancels.
  static std::shared_ptr<const engine::CancelToken> Of(const CancelToken& token) {
    if (token.state_ == nullptr) return nullptr;
    return {token.state_, &token.state_->token};
  }
};

}  // namespace v0
}  // namespace raceway
