#include "compiler/check/dims.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace raceway::compiler {
namespace {

using engine::DataType;
using engine::Dim;
using engine::Type;

Type F32(std::vector<Dim> shape) { return {DataType::kF32, std::move(shape), false}; }

TEST(DimsTest, FreshSymbolsOfOneNameDiffer) {
  Dims dims;
  EXPECT_NE(dims.Fresh("H"), dims.Fresh("H"));
}

TEST(DimsTest, FlexibleBecomesASize) {
  Dims dims;
  const Dim h = dims.Fresh("H");
  EXPECT_TRUE(dims.Unify(h, Dim::Size(224)));
  EXPECT_EQ(dims.Find(h), Dim::Size(224));
  EXPECT_TRUE(dims.Unify(Dim::Size(224), h));
  EXPECT_FALSE(dims.Unify(h, Dim::Size(384)));
}

TEST(DimsTest, AChainOfFlexiblesBecomesOneSize) {
  Dims dims;
  const Dim a = dims.Fresh("A");
  const Dim b = dims.Fresh("B");
  const Dim c = dims.Fresh("C");
  EXPECT_TRUE(dims.Unify(a, b));
  EXPECT_TRUE(dims.Unify(c, a));
  EXPECT_TRUE(dims.Unify(b, c));  // no ring
  EXPECT_TRUE(dims.Unify(a, Dim::Size(3)));
  EXPECT_EQ(dims.Find(b), Dim::Size(3));
  EXPECT_EQ(dims.Find(c), Dim::Size(3));
}

TEST(DimsTest, RigidOnlyEqualsItself) {
  Dims dims;
  const Dim n = dims.Rigid("N");
  EXPECT_TRUE(dims.Unify(n, n));
  EXPECT_FALSE(dims.Unify(n, dims.Rigid("N")));
  EXPECT_FALSE(dims.Unify(n, Dim::Size(3)));
  EXPECT_FALSE(dims.Unify(Dim::Size(3), n));
}

TEST(DimsTest, FlexibleBecomesARigidOne) {
  Dims dims;
  const Dim n = dims.Rigid("N");
  const Dim h = dims.Fresh("H");
  EXPECT_TRUE(dims.Unify(n, h));
  EXPECT_EQ(dims.Find(h), n);
  EXPECT_EQ(dims.Find(n), n);
  EXPECT_FALSE(dims.Unify(h, Dim::Size(3)));
}

TEST(DimsTest, UncheckedGoesWithAnything) {
  Dims dims;
  const Dim any = Dim::Symbol("_");
  const Dim h = dims.Fresh("H");
  EXPECT_TRUE(dims.Unify(any, Dim::Size(3)));
  EXPECT_TRUE(dims.Unify(dims.Rigid("N"), any));
  EXPECT_TRUE(dims.Unify(h, any));
  EXPECT_EQ(dims.Find(h), h);  // and says nothing about it
}

TEST(DimsTest, ShowsTypesAsWritten) {
  Dims dims;
  const Dim h = dims.Fresh("H");
  const Dim w = dims.Fresh("W");
  const Type type{DataType::kU8, {h, w, Dim::Size(3), Dim::Symbol("_")}, false};
  EXPECT_EQ(dims.Show(type), "u8[H, W, 3, _]");
  EXPECT_TRUE(dims.Unify(h, Dim::Size(224)));
  EXPECT_EQ(dims.Show(type), "u8[224, W, 3, _]");
  EXPECT_EQ(dims.Show(dims.Rigid("N")), "N");
}

TEST(InstantiationTest, AlikeNamesAreAlikeDimensions) {
  Dims dims;
  Instantiation instantiate(dims, Instantiation::Kind::kFlexible);
  const Type a = instantiate(F32({Dim::Symbol("S"), Dim::Symbol("S")}));
  const Type b = instantiate(F32({Dim::Symbol("S"), Dim::Symbol("T"), Dim::Size(3)}));
  EXPECT_EQ(a.shape[0], a.shape[1]);
  EXPECT_EQ(a.shape[0], b.shape[0]);
  EXPECT_NE(a.shape[0], b.shape[1]);
  EXPECT_EQ(b.shape[2], Dim::Size(3));
}

TEST(InstantiationTest, UncheckedStaysUnchecked) {
  Dims dims;
  Instantiation instantiate(dims, Instantiation::Kind::kRigid);
  EXPECT_EQ(instantiate(F32({Dim::Symbol("_")})), F32({Dim::Symbol("_")}));
}

TEST(UnifyTypesTest, SaysNothingWhereBothAgree) {
  Dims dims;
  EXPECT_EQ(UnifyTypes(dims, F32({}), F32({})).text, "");
  EXPECT_EQ(UnifyTypes(dims, F32({dims.Fresh("N")}), F32({Dim::Size(3)})).text, "");
}

TEST(UnifyTypesTest, NamesTheTypesWhereTheyDiffer) {
  Dims dims;
  const Clash clash = UnifyTypes(dims, F32({Dim::Size(3)}), {DataType::kF64, {Dim::Size(4)}});
  EXPECT_EQ(clash.text, "wanted f32[3], found f64[4]");
  EXPECT_FALSE(clash.is_shape);
}

TEST(UnifyTypesTest, AnOptionalIsAnotherType) {
  Dims dims;
  const Clash clash = UnifyTypes(dims, F32({}), {DataType::kF32, {}, true});
  EXPECT_EQ(clash.text, "wanted f32, found f32?");
  EXPECT_FALSE(clash.is_shape);
}

TEST(UnifyTypesTest, CountsDimensions) {
  Dims dims;
  const Clash clash = UnifyTypes(dims, F32({Dim::Size(3), Dim::Size(4)}), F32({Dim::Size(3)}));
  EXPECT_EQ(clash.text, "wanted 2 dimensions, found 1");
  EXPECT_TRUE(clash.is_shape);
}

TEST(UnifyTypesTest, NamesEachDimensionThatDiffers) {
  Dims dims;
  const Dim n = dims.Rigid("N");
  const Clash clash = UnifyTypes(dims, F32({Dim::Size(3), Dim::Size(384), Dim::Size(384)}),
                                 F32({Dim::Size(3), Dim::Size(224), n}));
  EXPECT_EQ(clash.text, "dimension 2: wanted 384, found 224; dimension 3: wanted 384, found N");
  EXPECT_TRUE(clash.is_shape);
}

TEST(UnifyTypesTest, ASymbolTwiceHasToBeOneSize) {
  Dims dims;
  const Dim s = dims.Fresh("S");
  EXPECT_EQ(UnifyTypes(dims, F32({s, s}), F32({Dim::Size(3), Dim::Size(4)})).text,
            "dimension 2: wanted 3, found 4");
}

TEST(UnifyTypesTest, APoisonedTypeGoesWithAnything) {
  Dims dims;
  EXPECT_EQ(UnifyTypes(dims, {}, F32({Dim::Size(3)})).text, "");
  EXPECT_EQ(UnifyTypes(dims, F32({Dim::Size(3)}), {}).text, "");
}

}  // namespace
}  // namespace raceway::compiler
