#include "tools/raceway/file_hash.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <vector>

#include "engine/input_file.h"

namespace raceway::tools {
namespace {

/// SHA-256 of what is added.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void Add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  /// In hexadecimal; nothing can be added after it.
  std::string Text();

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string Hex(const unsigned char* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

std::string Hash::Text() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
  return Hex(digest.data(), size);
}

}  // namespace

std::string HashText(std::string_view bytes) {
  Hash hash;
  hash.Add(bytes);
  return hash.Text();
}

engine::Result<engine::FileSpec> HashFile(const std::filesystem::path& base_dir,
                                          const std::string& path) {
  const std::filesystem::path full = base_dir / path;
  engine::InputFile file(full);
  const auto unreadable = [&] {
    return engine::Error{engine::ErrorCode::kUnavailable,
                         "cannot read `" + full.string() + "`: " + file.reason()};
  };
  if (!file.reason().empty()) return unreadable();
  Hash hash;
  engine::FileSpec spec{path, "", 0};
  std::vector<char> buffer(1 << 18);
  while (true) {
    const ssize_t count = file.Read(buffer.data(), buffer.size());
    if (count < 0) return unreadable();
    if (count == 0) break;
    spec.num_bytes += count;
    hash.Add({buffer.data(), static_cast<size_t>(count)});
  }
  spec.sha256 = hash.Text();
  return spec;
}

}  // namespace raceway::tools
