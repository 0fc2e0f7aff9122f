#include "tests/engine/load/fake_device.h"

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/set_cpu_dispatch.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/library.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/load/arena.h"

namespace raceway::engine::load::testing {
namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;
constexpr size_t kNumStreams = 4;

/// Opens once for all.
class Latch {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return is_open_; });
  }
  bool is_open() {
    const std::lock_guard lock(mutex_);
    return is_open_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

/// What an event says of the stream in which it was last recorded.
struct FakeEvent {
  std::shared_ptr<Latch> recorded;
};

/// The threads of all streams; they run to the end of the process.
class Streams {
 public:
  static Streams& Get() {
    static auto* const streams = new Streams();
    return *streams;
  }

  void Give(c10::StreamId id, std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_[static_cast<size_t>(id)].push_back(std::move(work));
    changed_.notify_all();
  }

  /// Returns when it has done what it was given.
  void Synchronize(c10::StreamId id) {
    const auto done = std::make_shared<Latch>();
    Give(id, [done] { done->Open(); });
    done->Wait();
  }

  void Pause(int change) {
    const std::lock_guard lock(mutex_);
    num_pauses_ += change;
    changed_.notify_all();
  }

 private:
  Streams() {
    for (size_t i = 0; i < kNumStreams; ++i) std::thread([this, i] { Work(i); }).detach();
  }

  [[noreturn]] void Work(size_t stream) {
    while (true) {
      std::function<void()> work;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return num_pauses_ == 0 && !work_[stream].empty(); });
        work = std::move(work_[stream].front());
        work_[stream].pop_front();
      }
      work();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::deque<std::function<void()>>, kNumStreams> work_;
  int num_pauses_ = 0;
};

thread_local c10::StreamId current_stream = 0;

class FakeGuard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device) const override { return FakeDevice(); }
  c10::Device getDevice() const override { return FakeDevice(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  c10::Stream getStream(c10::Device) const override { return StreamOf(current_stream); }
  c10::Stream getDefaultStream(c10::Device) const override { return StreamOf(0); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override {
    static std::atomic<c10::StreamId> next = 0;
    return StreamOf(1 + next++ % static_cast<c10::StreamId>(kNumStreams - 1));
  }
  c10::Stream exchangeStream(c10::Stream stream) const override {
    return StreamOf(std::exchange(current_stream, stream.id()));
  }

  void record(void** event, const c10::Stream& stream, c10::DeviceIndex,
              c10::EventFlag) const override {
    if (*event == nullptr) *event = new FakeEvent();
    auto recorded = std::make_shared<Latch>();
    static_cast<FakeEvent*>(*event)->recorded = recorded;
    Streams::Get().Give(stream.id(), [recorded] { recorded->Open(); });
  }
  void block(void* event, const c10::Stream& stream) const override {
    Streams::Get().Give(
        stream.id(), [recorded = static_cast<FakeEvent*>(event)->recorded] { recorded->Wait(); });
  }
  bool queryEvent(void* event) const override {
    return static_cast<FakeEvent*>(event)->recorded->is_open();
  }
  void synchronizeEvent(void* event) const override {
    static_cast<FakeEvent*>(event)->recorded->Wait();
  }
  void destroyEvent(void* event, c10::DeviceIndex) const noexcept override {
    delete static_cast<FakeEvent*>(event);
  }

 private:
  static c10::Stream StreamOf(c10::StreamId id) {
    return c10::Stream(c10::Stream::UNSAFE, FakeDevice(), id);
  }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, FakeGuard);

class FakeMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t num_bytes) override {
    const size_t size = RoundUp(std::max<size_t>(num_bytes, 1));
    void* data = std::aligned_alloc(kBlock, size);
    std::memset(data, 0xFF, size);  // NaNs, for who reads what is not there yet
    return {data, data, &std::free, FakeDevice()};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t num_bytes) const override {
    std::memcpy(to, from, num_bytes);
  }
};

CountingAllocator& Pinned() {
  static auto* const pinned = new CountingAllocator();
  return *pinned;
}

class FakeHooks final : public at::PrivateUse1HooksInterface {
 public:
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  at::Allocator* getPinnedMemoryAllocator() const override { return &Pinned(); }
};

/// The same bytes, as kernels of the device see them.
at::Tensor Inside(const at::Tensor& tensor) {
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(),
                       tensor.options().device(at::kCPU));
}

/// Runs `kernel` in the current stream, some time later.
void Launch(std::function<void()> kernel) {
  Streams::Get().Give(current_stream, [kernel = std::move(kernel)] {
    const c10::InferenceMode inference;
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    kernel();
  });
}

at::Tensor CopyFrom(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  if (to.numel() == 0) return to;
  Launch([from, to] { Inside(to).copy_(Inside(from)); });
  if (!non_blocking) SynchronizeFakeStream();
  return to;
}

/// The host does not wait for it.
at::Tensor Multiply(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor product = at::empty({a.size(0), b.size(1)}, a.options());
  Launch([a, b, product] {
    at::Tensor result = Inside(product);
    at::mm_out(result, Inside(a), Inside(b));
  });
  return product;
}

/// What there is no kernel for the host computes, on copies.
void ComputeOnHost(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  at::native::cpu_fallback(op, stack);
}

at::Tensor Convolve(const at::Tensor& input, const at::Tensor& weight,
                    const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                    at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                    at::IntArrayRef output_padding, int64_t groups) {
  std::optional<at::Tensor> on_host;
  if (bias && bias->defined()) on_host = bias->cpu();
  return at::convolution(input.cpu(), weight.cpu(), on_host, stride, padding, dilation, transposed,
                         output_padding, groups)
      .to(FakeDevice());
}

at::Tensor Empty(at::IntArrayRef sizes, std::optional<at::ScalarType> dtype,
                 std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>,
                 std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(sizes, c10::GetAllocator(kType),
                                   c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(dtype), format);
}

at::Tensor EmptyStrided(at::IntArrayRef sizes, at::IntArrayRef strides,
                        std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                        std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(sizes, strides, c10::GetAllocator(kType),
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           c10::dtype_or_default(dtype));
}

at::Tensor CopyFromAndResize(const at::Tensor& from, const at::Tensor& to) {
  TORCH_CHECK(from.sizes() == to.sizes(), "the fake device does not resize");
  return CopyFrom(from, to, /*non_blocking=*/false);
}

at::Tensor& SetStorage(at::Tensor& tensor, at::Storage storage) {
  return at::native::set_(tensor, std::move(storage));
}

at::Tensor& SetPlace(at::Tensor& tensor, at::Storage storage, int64_t offset, at::IntArrayRef sizes,
                     at::IntArrayRef strides) {
  return at::cpu::set_(tensor, std::move(storage), offset, sizes, strides);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("_copy_from", &CopyFrom);
  library.impl("_copy_from_and_resize", &CopyFromAndResize);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("convolution_overrideable", &Convolve);
  library.impl("empty.memory_format", &Empty);
  library.impl("empty_strided", &EmptyStrided);
  library.impl("mm", &Multiply);
  library.impl("set_.source_Storage", &SetStorage);
  library.impl("set_.source_Storage_storage_offset", &SetPlace);
  library.impl("view",
               static_cast<at::Tensor (*)(const at::Tensor&, at::IntArrayRef)>(&at::native::view));
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&ComputeOnHost>());
}

const bool kHasAllocator = [] {
  static FakeMemory memory;
  c10::SetAllocator(kType, &memory);
  at::RegisterPrivateUse1HooksInterface(new FakeHooks());
  return true;
}();

}  // namespace

c10::Device FakeDevice() { return {kType, 0}; }

PausedDevice::PausedDevice() { Streams::Get().Pause(1); }
PausedDevice::~PausedDevice() { Streams::Get().Pause(-1); }

void SynchronizeFakeStream() { Streams::Get().Synchronize(current_stream); }

CountingAllocator& FakePinnedMemory() { return Pinned(); }

c10::DataPtr CountingAllocator::allocate(size_t num_bytes) {
  struct Lent {
    CountingAllocator* from;
    void* data;
    int64_t num_bytes;
  };
  auto* lent = new Lent{this, std::aligned_alloc(kBlock, RoundUp(num_bytes)),
                        static_cast<int64_t>(num_bytes)};
  const int64_t now = num_bytes_ += lent->num_bytes;
  for (int64_t most = most_bytes_; now > most && !most_bytes_.compare_exchange_weak(most, now);) {
  }
  const auto give_back = [](void* context) {
    const auto* gone = static_cast<Lent*>(context);
    std::memset(gone->data, 0xFF, static_cast<size_t>(gone->num_bytes));  // for who still reads it
    std::free(gone->data);
    gone->from->num_bytes_ -= gone->num_bytes;
    delete gone;
  };
  return {lent->data, lent, give_back, c10::Device(c10::kCPU)};
}

void CountingAllocator::copy_data(void* to, const void* from, size_t num_bytes) const {
  std::memcpy(to, from, num_bytes);
}

}  // namespace raceway::engine::load::testing
