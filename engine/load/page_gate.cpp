#include "engine/load/page_gate.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "engine/load/arena.h"
#include "engine/load/refused.h"

namespace raceway::engine::load {
namespace {

// A token does not wake the watcher, so it is asked now and then while somebody waits.
constexpr int kAskCancelMs = 1;

// Each is a mapping; Linux gives a process 65,530 of them.
constexpr size_t kMaxViews = 16'384;

constexpr int kProtection = PROT_READ | PROT_WRITE;  // operators may ask for pointers to write

}  // namespace

/// Storages that have settled. Reads in flight may tell of some when the gate is gone.
class PageGate::Inbox {
 public:
  Inbox() : bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Inbox() {
    if (bell_ >= 0) close(bell_);
  }
  Inbox(const Inbox&) = delete;

  int bell() const { return bell_; }  // readable when there is something

  void Add(int32_t storage) {
    {
      const std::lock_guard lock(mutex_);
      settled_.push_back(storage);
    }
    eventfd_write(bell_, 1);
  }

  void Close() {
    is_closed_.store(true, std::memory_order_release);
    eventfd_write(bell_, 1);
  }
  bool is_closed() const { return is_closed_.load(std::memory_order_acquire); }

  std::vector<int32_t> Take() {
    eventfd_t ignored = 0;
    eventfd_read(bell_, &ignored);
    const std::lock_guard lock(mutex_);
    return std::exchange(settled_, {});
  }

 private:
  const int bell_;
  std::atomic<bool> is_closed_ = false;
  std::mutex mutex_;
  std::vector<int32_t> settled_;
};

Result<std::shared_ptr<PageGate>> PageGate::Start(ReadScheduler& scheduler,
                                                  std::vector<std::shared_ptr<ModelFile>> files,
                                                  std::span<const Extent> extents,
                                                  std::shared_ptr<PageRoom> room,
                                                  std::unique_ptr<PageFaults> faults,
                                                  LoadOptions options) {
  if (extents.size() > kMaxViews) {
    return Error{ErrorCode::kUnsupported,
                 std::to_string(extents.size()) + " storages are too many"};
  }
  auto inbox = std::make_shared<Inbox>();
  if (inbox->bell() < 0) return Refused("eventfd is refused", errno);
  std::shared_ptr<PageGate> gate(
      new PageGate(inbox, std::move(room), std::move(faults), scheduler.clock(), options.on_event));
  options.mappable = true;
  options.on_storage = [inbox](int32_t storage) { inbox->Add(storage); };
  Result<std::shared_ptr<LoadJob>> job =
      LoadJob::Start(scheduler, std::move(files), extents, std::move(options));
  if (!job) return std::move(job).error();
  gate->job_ = *std::move(job);
  if (Status mapped = gate->MapViews(static_cast<int32_t>(extents.size())); !mapped) {
    return std::move(mapped).error();
  }
  gate->watcher_ = std::thread([gate = gate.get()] { gate->Watch(); });
  return gate;
}

PageGate::PageGate(std::shared_ptr<Inbox> inbox, std::shared_ptr<PageRoom> room,
                   std::unique_ptr<PageFaults> faults, const Clock& clock, LoadEventSink on_event)
    : inbox_(std::move(inbox)),
      room_(std::move(room)),
      faults_(std::move(faults)),
      clock_(clock),
      on_event_(std::move(on_event)) {}

PageGate::~PageGate() {
  inbox_->Close();
  if (watcher_.joinable()) watcher_.join();
  room_->Clear();
}

Status PageGate::MapViews(int32_t num_storages) {
  views_.resize(static_cast<size_t>(num_storages));
  for (int32_t storage = 0; storage < num_storages; ++storage) {
    if (job_->num_bytes(storage) == 0) continue;
    const PageRoom::Place& place = room_->place(storage);
    View& view = views_[static_cast<size_t>(storage)];
    view.fd = job_->arena(storage)->fd();
    view.pages = place.pages;
    view.size = place.size;
    if (Status mapped = room_->Map(storage, view.fd); !mapped) return mapped;
    by_place_.push_back(storage);
    if (Status watched = faults_->Watch(view.pages, view.size); !watched) return watched;
  }
  std::sort(by_place_.begin(), by_place_.end(), [this](int32_t a, int32_t b) {
    return views_[static_cast<size_t>(a)].pages < views_[static_cast<size_t>(b)].pages;
  });
  return Done{};
}

Status PageGate::WaitAll(const CancelToken* cancel) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return *failure_;
  }
  Status arrived = job_->WaitAll(cancel);
  if (!arrived) return arrived;
  std::unique_lock lock(mutex_);  // all that is left to do is to map
  settled_.wait(lock, [this] { return is_complete() || failure_; });
  return failure_ ? Status(*failure_) : Done{};
}

PageGate::Visit::Visit(PageGate& gate, const CancelToken& cancel) : gate_(gate), cancel_(cancel) {
  const std::lock_guard lock(gate_.mutex_);
  is_let_in_ = !gate_.was_stopped_ && !gate_.failure_;
  if (is_let_in_) gate_.visits_.push_back(this);
}

PageGate::Visit::~Visit() {
  const std::lock_guard lock(gate_.mutex_);
  std::erase(gate_.visits_, this);
}

bool PageGate::Visit::saw_weights_only() const {
  const std::lock_guard lock(gate_.mutex_);
  return is_let_in_ && !saw_zeros_;
}

void PageGate::Watch() {
  std::array<pollfd, 2> wanted = {{{faults_->fd(), POLLIN, 0}, {inbox_->bell(), POLLIN, 0}}};
  while (num_open_ < by_place_.size()) {
    if (inbox_->is_closed()) return;  // asked after the bell was taken, or it would be missed
    poll(wanted.data(), wanted.size(), num_touched_ > 0 ? kAskCancelMs : -1);
    ReadFaults();
    for (const int32_t storage : inbox_->Take()) OnSettled(storage);
    if (num_touched_ > 0) StopWhoMust();
  }
  faults_->Close();
  {
    const std::lock_guard lock(mutex_);
    is_complete_.store(true, std::memory_order_release);
  }
  settled_.notify_all();
}

void PageGate::ReadFaults() {
  std::vector<uint64_t> touched;
  faults_->Take(touched);
  for (const uint64_t address : touched) OnTouch(Find(address));
  num_faults_.fetch_add(static_cast<int64_t>(touched.size()), std::memory_order_relaxed);
}

int32_t PageGate::Find(uint64_t address) const {
  const auto after = std::upper_bound(
      by_place_.begin(), by_place_.end(), address, [this](uint64_t place, int32_t storage) {
        return place < reinterpret_cast<uintptr_t>(views_[static_cast<size_t>(storage)].pages);
      });
  return *std::prev(after);
}

void PageGate::OnTouch(int32_t storage) {
  View& view = views_[static_cast<size_t>(storage)];
  if (view.door == Door::kFailed) return GiveUp(storage);
  // Where its door has been opened since, whoever touched it has been let go.
  if (view.door != Door::kShut || view.touched) return;
  view.touched = clock_.Now();
  ++num_touched_;
  job_->Promote({&storage, 1});
}

void PageGate::OnSettled(int32_t storage) {
  View& view = views_[static_cast<size_t>(storage)];
  const bool was_touched = view.touched.has_value();
  NoteWait(storage);
  if (job_->IsReady(storage)) {
    Open(storage);
  } else if (view.door == Door::kShut) {
    view.door = Door::kFailed;
    if (was_touched) GiveUp(storage);
  }
}

/// The bytes of a storage that is ready.
void PageGate::Open(int32_t storage) {
  View& view = views_[static_cast<size_t>(storage)];
  if (view.door == Door::kZeros) {
    if (Status mapped = room_->Map(storage, view.fd); !mapped) {
      return Fail(std::move(mapped).error());
    }
  } else if (view.door == Door::kShut) {
    faults_->Open(view.pages, view.size);
  } else {
    return;
  }
  view.door = Door::kOpen;
  ++num_open_;
}

void PageGate::FillWithZeros(View& view) {
  // Without memory for that they see what is there.
  [[maybe_unused]] const void* zeros =
      mmap(view.pages, view.size, kProtection,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  faults_->LetGo(view.pages, view.size);
  view.door = Door::kZeros;
}

/// A storage that has failed was touched: what is computed now is nothing, so it may end soon.
void PageGate::GiveUp(int32_t storage) {
  Fail(job_->Wait(storage).error());  // settled: does not wait
  LetAllGo();
}

void PageGate::Fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(error);
    for (Visit* visit : visits_) visit->saw_zeros_ = true;
  }
  settled_.notify_all();
}

/// If a visitor must stop he may be one of those who wait, whom nobody can tell apart: the threads
/// of a kernel are not those of the call. So all go on, with zeros.
void PageGate::StopWhoMust() {
  {
    const std::lock_guard lock(mutex_);
    const bool must = std::any_of(visits_.begin(), visits_.end(), [](const Visit* visit) {
      return visit->cancel_.Check().has_value();
    });
    if (!must) return;
    was_stopped_ = true;
    for (Visit* visit : visits_) visit->saw_zeros_ = true;
  }
  LetAllGo();
}

void PageGate::LetAllGo() {
  for (const int32_t storage : by_place_) {
    View& view = views_[static_cast<size_t>(storage)];
    if (view.door == Door::kOpen || view.door == Door::kZeros) continue;
    NoteWait(storage);
    if (job_->IsReady(storage)) {
      Open(storage);
    } else {
      FillWithZeros(view);
    }
  }
}

/// Nobody waits for a storage any more.
void PageGate::NoteWait(int32_t storage) {
  View& view = views_[static_cast<size_t>(storage)];
  if (!view.touched) return;
  --num_touched_;
  if (on_event_) {
    on_event_({.lane = Lane::kWait,
               .begin = *view.touched,
               .end = clock_.Now(),
               .storage = storage,
               .num_bytes = job_->num_bytes(storage)});
  }
  view.touched.reset();
}

}  // namespace raceway::engine::load
