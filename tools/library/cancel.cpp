#include <raceway/cancel.h>

#include "tools/library/cancel_data.h"

namespace raceway {
inline namespace v0 {

CancelToken::CancelToken(std::shared_ptr<State> state) : state_(std::move(state)) {}
bool CancelToken::is_cancelled() const { return state_ != nullptr && state_->token.is_cancelled(); }

CancelSource::CancelSource() : state_(std::make_shared<CancelToken::State>()) {}
void CancelSource::Cancel() const { state_->token.Cancel(); }
bool CancelSource::is_cancelled() const { return state_->token.is_cancelled(); }
CancelToken CancelSource::token() const { return CancelToken(state_); }

}  // namespace v0
}  // namespace raceway
