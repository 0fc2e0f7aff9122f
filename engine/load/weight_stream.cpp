#include "engine/load/weight_stream.h"

#include <algorithm>
#include <utility>

#include "engine/load/placeholders.h"
#include "engine/load/weight_cast.h"

namespace raceway::engine::load {
namespace {

// Some reads each, and several of them in a window.
constexpr uint64_t kMinSegment = uint64_t{256} << 10;
constexpr uint64_t kMaxSegment = uint64_t{8} << 20;

}  // namespace

WeightStream::WeightStream(ReadScheduler& scheduler, std::shared_ptr<ModelFile> file,
                           std::span<const Storage* const> storages, StreamedOptions options)
    : scheduler_(scheduler), file_(std::move(file)), options_(std::move(options)) {
  for (const Storage* storage : storages) {
    const uint64_t count = storage->extent.size / SizeOf(storage->dtype);
    const bool casts = options_.dtype && IsCast(*storage, *options_.dtype);
    weights_.push_back(
        {*storage, 0,
         MakeStorage(casts ? count * c10::elementSize(*options_.dtype) : storage->extent.size)});
  }
  MakeSegments(std::clamp(options_.window_bytes / 8, kMinSegment, kMaxSegment));
}

void WeightStream::MakeSegments(uint64_t segment_bytes) {
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (segments_.empty() || segments_.back().num_bytes >= segment_bytes) {
      segments_.emplace_back().begin = static_cast<int32_t>(i);
    }
    Segment& segment = segments_.back();
    segment.end = static_cast<int32_t>(i) + 1;
    segment.num_bytes += weights_[i].storage.extent.size;
    weights_[i].segment = static_cast<int32_t>(segments_.size()) - 1;
  }
}

bool WeightStream::Casts(int32_t number) const {
  const Weight& weight = weights_[static_cast<size_t>(number)];
  return options_.dtype && IsCast(weight.storage, *options_.dtype);
}

void WeightStream::Reclass(Urgency urgency, TimePoint deadline) {
  const std::lock_guard lock(mutex_);
  options_.load.urgency = urgency;
  options_.load.deadline = deadline;
  for (const Segment& segment : segments_) {
    if (segment.load != nullptr) segment.load->job().Reclass(urgency, deadline);
  }
}

uint64_t WeightStream::CountResident() const {
  const std::lock_guard lock(mutex_);
  return resident_;
}

Status WeightStream::Load(Segment& segment) {
  std::vector<const Storage*> storages;
  for (int32_t i = segment.begin; i < segment.end; ++i) {
    storages.push_back(&weights_[static_cast<size_t>(i)].storage);
  }
  StreamedOptions options = options_;
  if (options.load.on_event) {
    options.load.on_event = [sink = options_.load.on_event,
                             first = segment.begin](LoadEvent event) {
      if (event.storage >= 0) event.storage += first;
      sink(event);
    };
  }
  Result<std::shared_ptr<WeightLoad>> load =
      WeightLoad::Start(scheduler_, {file_}, storages, options);
  if (!load) return std::move(load).error();
  segment.load = *std::move(load);
  segment.last_use = 0;
  resident_ += segment.num_bytes;
  return Done{};
}

void WeightStream::ReadAhead(size_t next) {
  for (; next < segments_.size(); ++next) {
    Segment& segment = segments_[next];
    if (segment.load != nullptr || segment.num_wanting == 0) continue;
    MakeRoom(segment.num_bytes, /*is_needed=*/false);
    if (resident_ + segment.num_bytes > options_.window_bytes) return;
    if (!Load(segment)) return;  // who needs it is told
  }
}

void WeightStream::HurryNext(size_t next) {
  for (; next < segments_.size(); ++next) {
    if (segments_[next].load == nullptr) continue;
    LoadJob& job = segments_[next].load->job();
    if (job.CountPending() > 0) return job.Hurry();
  }
}

bool WeightStream::MayGo(const Segment& segment, bool is_needed) const {
  if (segment.load == nullptr || segment.num_held > 0 || segment.stays) return false;
  if (is_needed) return true;
  // Segments have several weights: who has used one of them is likely to use the next.
  const bool is_wanted = !counted_uses_.empty() && segment.num_wanting > 0;
  return segment.last_use > 0 && segment.num_at == 0 && !is_wanted;
}

void WeightStream::MakeRoom(uint64_t num_bytes, bool is_needed) {
  // Used ones first, from the oldest on; then those whose use is farthest away.
  const auto goes_before = [](const Segment& a, const Segment& b) {
    if (a.last_use == 0 || b.last_use == 0) return a.last_use > 0 || (b.last_use == 0 && &a > &b);
    return a.last_use < b.last_use;
  };
  while (resident_ + num_bytes > options_.window_bytes) {
    Segment* first = nullptr;
    for (Segment& segment : segments_) {
      if (!MayGo(segment, is_needed)) continue;
      if (first == nullptr || goes_before(segment, *first)) first = &segment;
    }
    if (first == nullptr) return;
    Release(*first);
  }
}

void WeightStream::Release(Segment& segment) {
  for (int32_t i = segment.begin; i < segment.end; ++i) {
    weights_[static_cast<size_t>(i)].place.unsafeGetStorageImpl()->set_data_ptr_noswap({});
  }
  segment.load.reset();
  resident_ -= segment.num_bytes;
}

void WeightStream::ReleaseUnwanted(Segment& segment) {
  const bool is_wanted = segment.num_wanting > 0 || segment.num_held > 0 || segment.stays;
  if (segment.load != nullptr && !is_wanted) Release(segment);
}

WeightStream::Request::Request(WeightStream& stream)
    : stream_(stream), uses_(stream.segments_.size()), wants_(stream.segments_.size()) {
  const std::lock_guard lock(stream_.mutex_);
  const std::vector<int64_t>& counted = stream_.counted_uses_;
  for (size_t i = 0; i < wants_.size(); ++i) {
    wants_[i] = counted.empty() || counted[i] > 0 ? 1 : 0;
    stream_.segments_[i].num_wanting += wants_[i];
  }
  stream_.ReadAhead(0);
}

WeightStream::Request::~Request() {
  has_all_ = false;
  LetGo();
  const std::lock_guard lock(stream_.mutex_);
  MoveOn(-1);
  for (size_t i = 0; i < wants_.size(); ++i) {
    Segment& segment = stream_.segments_[i];
    if (wants_[i] != 0) --segment.num_wanting;
    stream_.ReleaseUnwanted(segment);
  }
}

void WeightStream::Request::MoveOn(int32_t segment) {
  const auto count = [this](int32_t index) -> int64_t& {
    return stream_.segments_[static_cast<size_t>(index)].num_at;
  };
  if (at_ >= 0) --count(at_);
  if (segment >= 0) ++count(segment);
  at_ = segment;
}

Status WeightStream::Request::Need(int32_t number, bool is_written, const CancelToken* cancel) {
  std::unique_lock lock(stream_.mutex_);
  Segment& segment = stream_.SegmentOf(number);
  ++segment.num_held;
  held_.push_back(static_cast<int32_t>(&segment - stream_.segments_.data()));
  MoveOn(held_.back());
  if (segment.load == nullptr) {
    stream_.MakeRoom(segment.num_bytes, /*is_needed=*/true);
    if (Status started = stream_.Load(segment); !started) return started;
  }
  segment.last_use = ++stream_.num_uses_;
  const size_t next = static_cast<size_t>(held_.back()) + 1;
  stream_.ReadAhead(next);
  const std::shared_ptr<WeightLoad> load = segment.load;  // held, so it stays
  const int32_t local = number - segment.begin;
  // What is waited for would hold up what comes next, and the disk would run empty.
  if (!load->job().IsReady(local)) stream_.HurryNext(next);
  lock.unlock();
  if (Status arrived = load->job().Need(local, cancel); !arrived) return arrived;
  lock.lock();
  c10::StorageImpl* const place = stream_.storage(number).unsafeGetStorageImpl();
  if (place->data() == nullptr) place->set_data_ptr_noswap(load->Memory(local));
  segment.stays = segment.stays || is_written;  // what could not be read is to be read again
  return Done{};
}

Status WeightStream::Request::Keep(int32_t number, const CancelToken* cancel) {
  return Need(number, /*is_written=*/true, cancel);
}

void WeightStream::Request::LetGo() {
  if (held_.empty() || has_all_) return;
  const std::lock_guard lock(stream_.mutex_);
  for (const int32_t index : held_) {
    const auto i = static_cast<size_t>(index);
    Segment& segment = stream_.segments_[i];
    --segment.num_held;
    ++uses_[i];
    const bool was_last = !stream_.counted_uses_.empty() && uses_[i] >= stream_.counted_uses_[i];
    if (was_last && std::exchange(wants_[i], 0) != 0) --segment.num_wanting;
    stream_.ReleaseUnwanted(segment);
  }
  stream_.ReadAhead(static_cast<size_t>(held_.back()) + 1);
  held_.clear();
}

Status WeightStream::Request::HaveAll(const CancelToken* cancel) {
  has_all_ = true;
  for (size_t i = 0; i < stream_.weights_.size(); ++i) {
    Status arrived = Need(static_cast<int32_t>(i), /*is_written=*/false, cancel);
    if (!arrived) return arrived;
  }
  return Done{};
}

void WeightStream::Request::NoteUses() {
  if (has_all_) return;
  LetGo();
  const std::lock_guard lock(stream_.mutex_);
  if (stream_.counted_uses_.empty()) stream_.counted_uses_ = uses_;
}

void StreamGate::BeforeOperator(const c10::OperatorHandle& op, const torch::jit::Stack& stack) {
  ForEachWeight(op, stack, numbers_, [this](int32_t number, bool is_written) {
    ThrowIfMissing(request_.Need(number, is_written, &cancel_), cancel_);
  });
}

void StreamGate::AfterOperator(const c10::OperatorHandle& /*op*/) { request_.LetGo(); }

void StreamGate::End(const c10::IValue& answer) {
  ForEachWeight(answer, numbers_, [this](int32_t number) {
    ThrowIfMissing(request_.Keep(number, &cancel_), cancel_);
  });
  request_.NoteUses();
}

}  // namespace raceway::engine::load
