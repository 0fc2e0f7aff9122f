#include "engine/load/pickle.h"

#include <optional>
#include <utility>

#include "engine/load/byte_reader.h"

namespace raceway::engine::load {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMaxValues = size_t{1} << 24;  // of some 80 bytes

/// The instructions that LibTorch's pickler writes.
///
/// Source   torch/csrc/jit/serialization/pickler.cpp, LibTorch 1.4 to 2.11; Python's pickletools
enum Instruction : uint8_t {
  kMark = '(',
  kStop = '.',
  kInt32 = 'J',
  kUint8 = 'K',
  kUint16 = 'M',
  kInt64 = 0x8a,
  kFloat64 = 'G',
  kNone = 'N',
  kTrue = 0x88,
  kFalse = 0x89,
  kText = 'X',
  kGlobal = 'c',
  kReference = 'Q',
  kCall = 'R',
  kNewObject = 0x81,
  kSetState = 'b',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItems = 'u',
  kKeep = 'q',
  kKeepFar = 'r',
  kGet = 'h',
  kGetFar = 'j',
  kProtocol = 0x80,
};

class Unpickler {
 public:
  explicit Unpickler(std::string_view bytes) : reader_(bytes) {}

  Result<Pickle> Run() {
    while (!is_done_) {
      begin_ = reader_.position();
      const auto instruction = reader_.Take<uint8_t>();
      if (reader_.is_short()) return Broken("ends too early");
      Execute(instruction);
      if (reader_.is_short()) return Broken("ends too early");
      if (error_) return *std::move(error_);
    }
    if (reader_.num_left() != 0 || stack_.size() != 1) return Broken("has more than one value");
    pickle_.root = stack_.back();
    return std::move(pickle_);
  }

 private:
  Error Broken(const std::string& what) const { return Wrong(ErrorCode::kInvalidArgument, what); }
  Error Wrong(ErrorCode code, const std::string& what) const {
    return {code, what + ", at byte " + std::to_string(begin_) + " of its content"};
  }
  void Fail(const std::string& what) {
    if (!error_) error_ = Broken(what);
  }

  void Execute(uint8_t instruction) {
    switch (instruction) {
      case kProtocol:
        if (reader_.Take<uint8_t>() != 2) Fail("is written in another protocol");
        return;
      case kStop: is_done_ = true; return;
      case kNone: return Push({Kind::kNone, 0, {}, {}});
      case kTrue: return Push({Kind::kBool, 1, {}, {}});
      case kFalse: return Push({Kind::kBool, 0, {}, {}});
      case kUint8: return PushInt(reader_.Take<uint8_t>());
      case kUint16: return PushInt(reader_.Take<uint16_t>());
      case kInt32: return PushInt(reader_.Take<int32_t>());
      case kInt64:
        if (reader_.Take<uint8_t>() != 8) return Fail("has a number of more or less than 64 bits");
        return PushInt(reader_.Take<int64_t>());
      case kFloat64:
        reader_.TakeBytes(8);  // its value is of no interest
        return Push({Kind::kFloat, 0, {}, {}});
      case kText:
        return Push({Kind::kText, 0, std::string(reader_.TakeBytes(reader_.Take<uint32_t>())), {}});
      case kGlobal: {
        const std::string_view module = reader_.TakeUntil('\n');
        const std::string_view name = reader_.TakeUntil('\n');
        return Push({Kind::kGlobal, 0, std::string(module) + " " + std::string(name), {}});
      }
      case kKeep: return Keep(reader_.Take<uint8_t>());
      case kKeepFar: return Keep(reader_.Take<uint32_t>());
      case kGet: return Get(reader_.Take<uint8_t>());
      case kGetFar: return Get(reader_.Take<uint32_t>());
      default: return ExecuteOnStack(instruction);
    }
  }

  /// Instructions that take what is on the stack.
  void ExecuteOnStack(uint8_t instruction) {
    switch (instruction) {
      case kMark: return marks_.push_back(stack_.size());
      case kEmptyTuple: return Push({Kind::kTuple, 0, {}, {}});
      case kEmptyList: return Push({Kind::kList, 0, {}, {}});
      case kEmptyDict: return Push({Kind::kDict, 0, {}, {}});
      case kTuple: return Push({Kind::kTuple, 0, {}, PopToMark()});
      case kTuple1: return Push({Kind::kTuple, 0, {}, Pop(1)});
      case kTuple2: return Push({Kind::kTuple, 0, {}, Pop(2)});
      case kTuple3: return Push({Kind::kTuple, 0, {}, Pop(3)});
      case kReference: return Push({Kind::kReference, 0, {}, Pop(1)});
      case kCall: return Push({Kind::kCall, 0, {}, Pop(2)});
      case kNewObject: {
        std::vector<uint32_t> items = Pop(2);  // a class, and an empty tuple
        if (!items.empty()) items.pop_back();
        return Push({Kind::kObject, 0, {}, std::move(items)});
      }
      case kSetState: return Extend(Kind::kObject, Pop(1));
      case kAppend: return Extend(Kind::kList, Pop(1));
      case kAppends: return Extend(Kind::kList, PopToMark());
      case kSetItems: {
        std::vector<uint32_t> items = PopToMark();
        if (items.size() % 2 != 0) return Fail("has a key without a value");
        return Extend(Kind::kDict, items);
      }
      default:
        error_ = Wrong(ErrorCode::kUnsupported, "has instruction " + std::to_string(instruction) +
                                                    ", which TorchScript does not write");
    }
  }

  void Push(PickleValue value) {
    if (pickle_.values.size() >= kMaxValues) {
      error_ =
          Wrong(ErrorCode::kUnsupported, "has more than " + std::to_string(kMaxValues) + " values");
      return;
    }
    stack_.push_back(static_cast<uint32_t>(pickle_.values.size()));
    pickle_.values.push_back(std::move(value));
  }
  void PushInt(int64_t number) { Push({Kind::kInt, number, {}, {}}); }

  std::vector<uint32_t> Pop(size_t count) {
    // What is before the last mark is not there yet.
    const size_t begin = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() - begin < count)
      return Fail("takes more values than there are"), std::vector<uint32_t>();
    std::vector<uint32_t> items(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }

  std::vector<uint32_t> PopToMark() {
    if (marks_.empty()) return Fail("has an end without a begin"), std::vector<uint32_t>();
    std::vector<uint32_t> items = Pop(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  /// Adds to the value on top, which stays there.
  void Extend(Kind kind, const std::vector<uint32_t>& items) {
    const size_t begin = marks_.empty() ? 0 : marks_.back();
    if (error_ || stack_.size() <= begin) return Fail("adds to nothing");
    PickleValue& value = pickle_.values[stack_.back()];
    if (value.kind != kind) return Fail("adds to what cannot have more");
    value.items.insert(value.items.end(), items.begin(), items.end());
    if (kind == Kind::kObject && value.items.size() != 2) Fail("has an object with two states");
  }

  /// The pickler counts, so that a place is either a new one or written again.
  void Keep(uint32_t place) {
    if (stack_.empty()) return Fail("keeps nothing");
    if (place > kept_.size()) return Fail("keeps a value behind a gap");
    if (place == kept_.size()) kept_.push_back(0);
    kept_[place] = stack_.back();
  }

  void Get(uint32_t place) {
    if (place >= kept_.size()) return Fail("wants a value that it did not keep");
    stack_.push_back(kept_[place]);
  }

  ByteReader reader_;
  Pickle pickle_;
  std::vector<uint32_t> stack_;
  std::vector<size_t> marks_;
  std::vector<uint32_t> kept_;
  size_t begin_ = 0;  // of the instruction
  bool is_done_ = false;
  std::optional<Error> error_;
};

}  // namespace

Result<Pickle> ReadPickle(std::string_view bytes) { return Unpickler(bytes).Run(); }

}  // namespace raceway::engine::load
