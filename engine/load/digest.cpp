#include "engine/load/digest.h"

#include <openssl/evp.h>

#include <cstdint>
#include <new>

namespace raceway::engine::load {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

void Free(EVP_MD_CTX* context) { EVP_MD_CTX_free(context); }

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&Free)>;

}  // namespace

struct Digest::State {
  Context context = {EVP_MD_CTX_new(), &Free};
};

Digest::Digest() : state_(std::make_unique<State>()) {
  if (EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

Digest::~Digest() = default;

void Digest::Add(std::string_view part) {
  const uint64_t size = part.size();
  EVP_DigestUpdate(state_->context.get(), &size, sizeof size);
  EVP_DigestUpdate(state_->context.get(), part.data(), part.size());
}

std::string Digest::Text() const {
  const Context copy = {EVP_MD_CTX_new(), &Free};
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) != 1 ||
      EVP_DigestFinal_ex(copy.get(), bytes, &size) != 1) {
    throw std::bad_alloc();
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace raceway::engine::load
