#pragma once

#include <ATen/core/TensorBody.h>
#include <ATen/ops/scalar_tensor.h>
#include <torch/headeronly/version.h>

#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Native functions of your own, in a shared library that flows name:
///
///     at::Tensor Invert(const at::Tensor& px) { return 255 - px; }
///
///     RACEWAY_PLUGIN(library) {
///       library.Add("invert(px: u8[H, W, 3]) -> (px: u8[H, W, 3])")
///           .Doc("The negative of an image.")
///           .Rows([](plugin::Row row, const plugin::Context&) -> plugin::NewRow {
///             return {Invert(row[0].tensor())};
///           });
///     }
///
///     fn invert(px: u8[H, W, 3]) -> (px: u8[H, W, 3]) {
///       native: "invert", library: "libcolour.so"
///     }
///
/// Threads  A function is called by several threads at once, so what it captures must not change.
/// Errors   What a function throws ends the request it was called for, and no other.
/// Tensors  Never write into what comes in: other requests read it. What comes in may be a view
///          that is not contiguous; `contiguous()` before `data_ptr()`. Giving back what came in,
///          or a view of it, is fine. LibTorch's operators run without autograd.
/// Version  A library works with the version of this header and of LibTorch that it was built with;
///          any other Raceway refuses it before anything in it runs.
namespace raceway::plugin {

/// Raised whenever a library that was built before would be misunderstood.
#define RACEWAY_PLUGIN_API 1

// --- what comes in, and what goes out ---

/// One row of one column. What it shows lives as long as the call.
class Cell {
 public:
  explicit Cell(at::Tensor tensor) : data_(std::move(tensor)) {}
  explicit Cell(std::string_view text) : data_(text) {}

  /// Of the parameter's shape: `u8[H, W, 3]`; a number has no dimensions.
  const at::Tensor& tensor() const {
    if (const auto* tensor = std::get_if<at::Tensor>(&data_)) return *tensor;
    throw std::invalid_argument("this argument is a text, and was asked for its tensor()");
  }
  /// Of a `string` (UTF-8) or `bytes`.
  std::string_view text() const {
    if (const auto* text = std::get_if<std::string_view>(&data_)) return *text;
    throw std::invalid_argument("this argument is a tensor, and was asked for its text()");
  }
  /// Of a number, bool, duration or timestamp (nanoseconds): `number<int64_t>()`.
  template <typename T>
  T number() const {
    return tensor().item<T>();
  }

 private:
  std::variant<at::Tensor, std::string_view> data_;
};

/// The arguments of one row, in the order of the parameters.
using Row = std::span<const Cell>;

/// One result of one row: a tensor of the result's type, a text, or a number, which must be of the
/// result's type too: `int64_t` for an i64, `double` for an f64, `float` for an f32, `bool`.
class NewCell {
 public:
  NewCell(at::Tensor tensor) : data_(std::move(tensor)) {}      // NOLINT: implicit
  NewCell(std::string text) : data_(std::move(text)) {}         // NOLINT: implicit
  NewCell(std::string_view text) : data_(std::string(text)) {}  // NOLINT: implicit
  NewCell(std::nullptr_t) = delete;                             // else `0` would be a text
  NewCell(const char* text) : data_(std::string(text)) {}       // NOLINT: implicit
  NewCell(std::same_as<bool> auto value) : NewCell(Scalar(value, at::kBool)) {}      // NOLINT
  NewCell(std::same_as<int64_t> auto value) : NewCell(Scalar(value, at::kLong)) {}   // NOLINT
  NewCell(std::same_as<float> auto value) : NewCell(Scalar(value, at::kFloat)) {}    // NOLINT
  NewCell(std::same_as<double> auto value) : NewCell(Scalar(value, at::kDouble)) {}  // NOLINT

  using Data = std::variant<at::Tensor, std::string>;
  Data& data() { return data_; }

 private:
  static at::Tensor Scalar(const at::Scalar& value, at::ScalarType type) {
    return at::scalar_tensor(value, type);
  }

  Data data_;
};

/// The results of one row, in the order of the signature.
using NewRow = std::vector<NewCell>;

/// All rows of one column: one tensor with the rows in dimension 0, or a tensor for each row where
/// their shapes differ, or texts. What it shows lives as long as the call.
class Column {
 public:
  explicit Column(at::Tensor dense) : data_(std::move(dense)) {}
  explicit Column(std::span<const at::Tensor> ragged) : data_(ragged) {}
  explicit Column(std::vector<std::string_view> texts) : data_(std::move(texts)) {}

  bool is_dense() const { return std::holds_alternative<at::Tensor>(data_); }
  bool is_ragged() const { return std::holds_alternative<std::span<const at::Tensor>>(data_); }
  bool is_text() const { return !is_dense() && !is_ragged(); }

  /// `f32[rows, N]`; numbers are `[rows]`.
  const at::Tensor& dense() const { return std::get<at::Tensor>(data_); }
  /// A tensor a row.
  std::span<const at::Tensor> ragged() const {
    return std::get<std::span<const at::Tensor>>(data_);
  }
  std::span<const std::string_view> texts() const {
    return std::get<std::vector<std::string_view>>(data_);
  }
  /// A row of a column of tensors, dense or not.
  at::Tensor tensor(int64_t row) const {
    return is_dense() ? dense().select(0, row) : ragged()[static_cast<size_t>(row)];
  }

 private:
  std::variant<at::Tensor, std::span<const at::Tensor>, std::vector<std::string_view>> data_;
};

/// The rows of one result: one tensor with the rows in dimension 0, a tensor for each row (whose
/// shapes may differ where the signature has symbols), or texts.
using NewColumn = std::variant<at::Tensor, std::vector<at::Tensor>, std::vector<std::string>>;

/// Thrown, says which row of the batch it is about; other exceptions of a function of whole batches
/// are about all of its rows.
class RowError : public std::runtime_error {
 public:
  RowError(int64_t row, const std::string& message) : std::runtime_error(message), row_(row) {}
  int64_t row() const { return row_; }

 private:
  int64_t row_;
};

/// What a function may ask while it runs.
class Context {
 public:
  Context(int64_t num_rows, bool (*should_stop)(const void* host), const void* host)
      : num_rows_(num_rows), should_stop_(should_stop), host_(host) {}

  /// Rows in this call; 1 for a function of rows.
  int64_t num_rows() const { return num_rows_; }
  /// Whether nobody waits for the answer any more: the request was cancelled or is late. Worth
  /// asking every millisecond or so of work; then return anything, or throw. Between the rows of a
  /// function of rows Raceway asks itself.
  bool should_stop() const { return should_stop_(host_); }

 private:
  int64_t num_rows_;
  bool (*should_stop_)(const void*);
  const void* host_;
};

// --- settings ---

/// kNumbers is one number or a list of them; kFile a file beside the flow, which gets to the
/// function as a path that can be opened.
enum class Kind { kInt, kNumber, kString, kBool, kNumbers, kFile };

/// A setting that a flow writes into the block of its `fn`. Checked by `raceway check`.
struct Setting {
  std::string name;
  Kind kind = Kind::kString;
  std::string doc = {};
  bool required = false;
  std::vector<std::string> allowed = {};  // of a kString; empty: anything
  std::optional<double> least = {};       // of a kInt, kNumber, or each of kNumbers
  std::optional<double> greatest = {};
};

/// What a flow says where it declares the function: the values of the settings, the shapes of the
/// results. Asking for what is not there, or is of another kind, throws, which keeps the flow from
/// being deployed.
class Settings {
 public:
  using Value = std::variant<bool, int64_t, double, std::string, std::vector<double>>;

  Settings(std::vector<std::pair<std::string, Value>> values,
           std::vector<std::vector<int64_t>> result_shapes)
      : values_(std::move(values)), result_shapes_(std::move(result_shapes)) {}

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  int64_t Int(std::string_view name) const { return Get<int64_t>(name); }
  int64_t Int(std::string_view name, int64_t otherwise) const {
    return Has(name) ? Int(name) : otherwise;
  }
  double Number(std::string_view name) const { return Get<double>(name); }
  double Number(std::string_view name, double otherwise) const {
    return Has(name) ? Number(name) : otherwise;
  }
  bool Bool(std::string_view name, bool otherwise) const {
    return Has(name) ? Get<bool>(name) : otherwise;
  }
  std::vector<double> Numbers(std::string_view name,
                              const std::vector<double>& otherwise = {}) const {
    return Has(name) ? Get<std::vector<double>>(name) : otherwise;
  }
  /// Of a kString; of a kFile its path.
  const std::string& Text(std::string_view name) const { return Get<std::string>(name); }
  std::string Text(std::string_view name, std::string_view otherwise) const {
    return Has(name) ? Text(name) : std::string(otherwise);
  }

  /// The shape of result number `i` as the flow declares it, -1 where it has a symbol: for
  /// functions that make what is asked for, `-> (px: u8[224, 224, 3])`.
  const std::vector<int64_t>& result_shape(size_t i) const { return result_shapes_.at(i); }

 private:
  const Value* Find(std::string_view name) const {
    for (const auto& [known, value] : values_) {
      if (known == name) return &value;
    }
    return nullptr;
  }
  template <typename T>
  const T& Get(std::string_view name) const {
    const Value* value = Find(name);
    const T* of_kind = value == nullptr ? nullptr : std::get_if<T>(value);
    if (of_kind == nullptr) {
      throw std::invalid_argument("the setting `" + std::string(name) + "` is " +
                                  (value == nullptr ? "not there" : "of another kind"));
    }
    return *of_kind;
  }

  std::vector<std::pair<std::string, Value>> values_;
  std::vector<std::vector<int64_t>> result_shapes_;
};

// --- declaring ---

using RowFunction = std::function<NewRow(Row row, const Context& context)>;
using BatchFunction =
    std::function<std::vector<NewColumn>(std::span<const Column> columns, const Context& context)>;
/// Called once for each place where a flow that is deployed calls the function; what it throws
/// keeps the flow from being deployed. Here tables are read and settings looked up.
using MakeRowFunction = std::function<RowFunction(const Settings& settings)>;
using MakeBatchFunction = std::function<BatchFunction(const Settings& settings)>;

/// One function of a library. Either `Rows` or `Batches` says what it computes.
class Function {
 public:
  explicit Function(std::string signature) : signature_(std::move(signature)) {}

  /// One sentence.
  Function& Doc(std::string doc) { return doc_ = std::move(doc), *this; }
  Function& With(Setting setting) { return settings_.push_back(std::move(setting)), *this; }

  /// Called row by row.
  Function& Rows(RowFunction rows) {
    return Rows(MakeRowFunction([rows = std::move(rows)](const Settings&) { return rows; }));
  }
  Function& Rows(MakeRowFunction make) { return rows_ = std::move(make), *this; }

  /// Called with all rows at once; every result must have as many.
  Function& Batches(BatchFunction batches) {
    return Batches(
        MakeBatchFunction([batches = std::move(batches)](const Settings&) { return batches; }));
  }
  Function& Batches(MakeBatchFunction make) { return batches_ = std::move(make), *this; }

  const std::string& signature() const { return signature_; }
  const std::string& doc() const { return doc_; }
  const std::vector<Setting>& settings() const { return settings_; }
  const MakeRowFunction& rows() const { return rows_; }
  const MakeBatchFunction& batches() const { return batches_; }

 private:
  std::string signature_;
  std::string doc_;
  std::vector<Setting> settings_;
  MakeRowFunction rows_;
  MakeBatchFunction batches_;
};

/// The functions of a library.
class Library {
 public:
  /// A function, with its signature as a flow would write it: `blur(px: u8[H, W, 3]) -> (px: u8[H,
  /// W, 3])`. Alike symbols are alike sizes, and a flow may declare a size in their place.
  Function& Add(std::string signature) { return functions_.emplace_back(std::move(signature)); }

  const std::deque<Function>& functions() const { return functions_; }

 private:
  std::deque<Function> functions_;  // which stay where they are
};

// --- what Raceway finds in the file ---

#define RACEWAY_PLUGIN_TEXT_OF(x) #x
#define RACEWAY_PLUGIN_TEXT(x) RACEWAY_PLUGIN_TEXT_OF(x)
#if defined(_LIBCPP_VERSION)
#define RACEWAY_PLUGIN_STD "libc++"
#elif defined(_GLIBCXX_DEBUG)
#define RACEWAY_PLUGIN_STD "libstdc++ in debug mode"
#elif _GLIBCXX_USE_CXX11_ABI
#define RACEWAY_PLUGIN_STD "libstdc++"
#else
#define RACEWAY_PLUGIN_STD "libstdc++ with the strings from before C++11"
#endif

/// What a library was built for: text in the file, so that it can be read before anything runs.
#define RACEWAY_PLUGIN_BUILT_FOR                                                             \
  "raceway-plugin: API " RACEWAY_PLUGIN_TEXT(RACEWAY_PLUGIN_API) ", LibTorch " TORCH_VERSION \
                                                                 ", " RACEWAY_PLUGIN_STD

/// The one symbol of a library, `raceway_plugin`.
struct Manifest {
  const char* built_for;
  void (*declare)(Library& library);
};

}  // namespace raceway::plugin

/// Begins the one function of a library that declares all others: `RACEWAY_PLUGIN(library) { … }`.
// NOLINTBEGIN(bugprone-macro-parentheses): the name of a parameter
#define RACEWAY_PLUGIN(library)                                                                   \
  static void RacewayDeclare(::raceway::plugin::Library& library);                                \
  extern "C" {                                                                                    \
  __attribute__((visibility("default"))) extern const ::raceway::plugin::Manifest raceway_plugin; \
  const ::raceway::plugin::Manifest raceway_plugin = {RACEWAY_PLUGIN_BUILT_FOR, &RacewayDeclare}; \
  }                                                                                               \
  static void RacewayDeclare(::raceway::plugin::Library& library)
// NOLINTEND(bugprone-macro-parentheses)
