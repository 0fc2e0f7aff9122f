#include "engine/load/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace raceway::engine::load {
namespace {

using ::testing::HasSubstr;
using Kind = PickleValue::Kind;

std::string Text(const Pickle& pickle, uint32_t i) {
  const PickleValue& value = pickle[i];
  const auto list = [&](const char* name) {
    std::string text = name;
    for (const uint32_t item : value.items) text += " " + Text(pickle, item);
    return "(" + text + ")";
  };
  switch (value.kind) {
    case Kind::kNone: return "none";
    case Kind::kBool: return value.number != 0 ? "true" : "false";
    case Kind::kInt: return std::to_string(value.number);
    case Kind::kFloat: return "float";
    case Kind::kText: return "'" + value.text + "'";
    case Kind::kTuple: return list("tuple");
    case Kind::kList: return list("list");
    case Kind::kDict: return list("dict");
    case Kind::kGlobal: return "<" + value.text + ">";
    case Kind::kObject: return list("object");
    case Kind::kCall: return list("call");
    case Kind::kReference: return list("reference");
  }
  return "";
}

/// The value of a pickle, or the error.
std::string Read(std::string_view bytes) {
  const Result<Pickle> pickle = ReadPickle(bytes);
  return pickle.ok() ? Text(*pickle, pickle->root) : pickle.error().message;
}

template <size_t size>
std::string Read(const char (&bytes)[size]) {
  return Read(std::string_view(bytes, size - 1));
}

TEST(PickleTest, ReadsValues) {
  EXPECT_EQ(Read("\x80\2N."), "none");
  EXPECT_EQ(Read("\x80\2\x88."), "true");
  EXPECT_EQ(Read("\x80\2K\xff."), "255");
  EXPECT_EQ(Read("\x80\2M\1\1."), "257");
  EXPECT_EQ(Read("\x80\2J\xff\xff\xff\xff."), "-1");
  EXPECT_EQ(Read("\x80\2\x8a\x08\0\0\0\0\1\0\0\0."), "4294967296");
  EXPECT_EQ(Read("\x80\2X\2\0\0\0hi."), "'hi'");
  EXPECT_EQ(Read("\x80\2G\0\0\0\0\0\0\0\0."), "float");
  EXPECT_EQ(Read("\x80\2(K\1K\2t."), "(tuple 1 2)");
  EXPECT_EQ(Read("\x80\2K\1K\2K\3\x87."), "(tuple 1 2 3)");
  EXPECT_EQ(Read("\x80\2](K\1K\2e."), "(list 1 2)");
  EXPECT_EQ(Read("\x80\2}(X\1\0\0\0aK\2u."), "(dict 'a' 2)");
}

TEST(PickleTest, CallsNothing) {
  EXPECT_EQ(Read("\x80\2"
                 "cos\nsystem\n(X\2\0\0\0lstR."),
            "(call <os system> (tuple 'ls'))");
  EXPECT_EQ(Read("\x80\2"
                 "c__torch__\nNet\n)\x81}(X\1\0\0\0aK\2ub."),
            "(object <__torch__ Net> (dict 'a' 2))");
  EXPECT_EQ(Read("\x80\2(X\7\0\0\0storageK\1tQ."), "(reference (tuple 'storage' 1))");
}

TEST(PickleTest, KeepsValuesForLater) {
  EXPECT_EQ(Read("\x80\2(]q\0K\1q\1h\0h\1t."), "(tuple (list) 1 (list) 1)");
  EXPECT_EQ(Read("\x80\2(K\1r\0\0\0\0j\0\0\0\0t."), "(tuple 1 1)");
  EXPECT_THAT(Read("\x80\2K\1q\1."), HasSubstr("keeps a value behind a gap, at byte 4"));
  EXPECT_THAT(Read("\x80\2h\0."), HasSubstr("wants a value that it did not keep"));
  EXPECT_THAT(Read("\x80\2q\0."), HasSubstr("keeps nothing"));
}

TEST(PickleTest, RefusesOtherInstructions) {
  for (const char* bytes : {"\x80\2I01\n.",
                            "\x80\2K\1"
                            "2.",
                            "\x80\2(i__main__\nx\n.", "\x80\2\x93."}) {
    const Result<Pickle> pickle = ReadPickle(bytes);
    ASSERT_FALSE(pickle.ok());
    EXPECT_EQ(pickle.error().code, ErrorCode::kUnsupported) << pickle.error().message;
  }
}

TEST(PickleTest, RefusesWhatIsNone) {
  EXPECT_THAT(Read(""), HasSubstr("ends too early"));
  EXPECT_THAT(Read("\x80\2X\xff\xff\xff\xffhi."), HasSubstr("ends too early"));
  EXPECT_THAT(Read("\x80\2ctorch\nFloat"), HasSubstr("ends too early"));
  EXPECT_THAT(Read("\x80\4N."), HasSubstr("another protocol"));
  EXPECT_THAT(Read("\x80\2."), HasSubstr("more than one value"));
  EXPECT_THAT(Read("\x80\2NN."), HasSubstr("more than one value"));
  EXPECT_THAT(Read("\x80\2N.N"), HasSubstr("more than one value"));
  EXPECT_THAT(Read("\x80\2t."), HasSubstr("an end without a begin"));
  EXPECT_THAT(Read("\x80\2N\x86."), HasSubstr("takes more values than there are"));
  EXPECT_THAT(Read("\x80\2N(R."), HasSubstr("takes more values than there are"));
  EXPECT_THAT(Read("\x80\2(e."), HasSubstr("adds to nothing"));
  EXPECT_THAT(Read("\x80\2N(K\1e."), HasSubstr("adds to what cannot have more"));
  EXPECT_THAT(Read("\x80\2}(K\1u."), HasSubstr("a key without a value"));
  EXPECT_THAT(Read("\x80\2N)\x81NbNb."), HasSubstr("two states"));
}

}  // namespace
}  // namespace raceway::engine::load
