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

TEST(DimsTest, OnlyRowsTellWhatAFormulaOfARigidOneIs) {
  Dims dims;
  const Dim n = dims.Rigid("N");
  const Dim m = dims.Rigid("M");
  const Dim half = Dim::Symbol(n.symbol + "/2");
  EXPECT_TRUE(dims.AreUndecided(half, m));
  EXPECT_TRUE(dims.AreUndecided(Dim::Size(4), half));
  EXPECT_FALSE(dims.AreUndecided(n, m));                             // no formula
  EXPECT_FALSE(dims.AreUndecided(n, Dim::Symbol(n.symbol + "+1")));  // they differ
  EXPECT_FALSE(dims.AreUndecided(Dim::Symbol(n.symbol + "*2"), Dim::Size(7)));
  EXPECT_FALSE(dims.AreUndecided(Dim::Symbol(n.symbol + "+5"), Dim::Size(5)));
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

TEST(DimsTest, OpaqueOnlyEqualsItself) {
  Dims dims;
  const Dim n = dims.Opaque("N");
  EXPECT_TRUE(dims.Unify(n, n));
  EXPECT_FALSE(dims.Unify(n, dims.Opaque("N")));
  EXPECT_FALSE(dims.Unify(n, Dim::Size(3)));
  EXPECT_TRUE(dims.Unify(dims.Fresh("M"), n));
}

TEST(DimsTest, AFormulaIsSolvedForItsUnknown) {
  Dims dims;
  Instantiation instantiate(dims, Instantiation::Kind::kFlexible);
  const Type half = instantiate(F32({Dim::Symbol("N/2"), Dim::Symbol("N")}));
  EXPECT_TRUE(dims.Unify(half.shape[0], Dim::Size(112)));
  EXPECT_EQ(dims.Show(half), "f32[112, 224]");
  EXPECT_FALSE(dims.Unify(half.shape[0], Dim::Size(113)));
}

TEST(DimsTest, AFormulaWithoutAWholeSolutionIsNone) {
  Dims dims;
  Instantiation instantiate(dims, Instantiation::Kind::kFlexible);
  EXPECT_FALSE(dims.Unify(instantiate(F32({Dim::Symbol("N*2+1")})).shape[0], Dim::Size(8)));
  EXPECT_FALSE(dims.Unify(instantiate(F32({Dim::Symbol("M+3")})).shape[0], Dim::Size(2)));
}

TEST(DimsTest, AFormulaOfRigidSymbolsOnlyEqualsItself) {
  Dims dims;
  Instantiation rigid(dims, Instantiation::Kind::kRigid);
  const Type type = rigid(F32({Dim::Symbol("N/2"), Dim::Symbol("N-1"), Dim::Symbol("N/4+N/4")}));
  EXPECT_TRUE(dims.Unify(type.shape[0], type.shape[2]));
  EXPECT_FALSE(dims.Unify(type.shape[0], type.shape[1]));
  EXPECT_FALSE(dims.Unify(type.shape[0], Dim::Size(3)));
}

TEST(DimsTest, AFlexibleOneIsNoMultipleOfItself) {
  Dims dims;
  Instantiation instantiate(dims, Instantiation::Kind::kFlexible);
  const Type type = instantiate(F32({Dim::Symbol("N"), Dim::Symbol("N*2")}));
  EXPECT_FALSE(dims.Unify(type.shape[0], type.shape[1]));
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

TEST(UnifyTypesTest, AnyRankIsWhatStandsInItsPlace) {
  Dims dims;
  Instantiation instantiate(dims, Instantiation::Kind::kFlexible);
  const Type wanted = instantiate(F32({Dim::Symbol("..."), Dim::Symbol("N")}));
  const Type result = instantiate(F32({Dim::Symbol("...")}));
  EXPECT_EQ(UnifyTypes(dims, wanted, F32({Dim::Size(3), dims.Rigid("K"), Dim::Size(4)})).text, "");
  EXPECT_EQ(dims.Show(result), "f32[3, K]");
  EXPECT_EQ(UnifyTypes(dims, result, F32({Dim::Size(3), Dim::Size(5)})).text,
            "dimension 2: wanted K, found 5");
}

TEST(UnifyTypesTest, AnyRankMayBeNone) {
  Dims dims;
  Instantiation instantiate(dims, Instantiation::Kind::kFlexible);
  const Type wanted = instantiate(F32({Dim::Symbol("..."), Dim::Symbol("N")}));
  EXPECT_EQ(UnifyTypes(dims, wanted, F32({})).text, "wanted at least 1 dimensions, found 0");
  EXPECT_EQ(UnifyTypes(dims, wanted, F32({Dim::Size(3)})).text, "");
  EXPECT_EQ(dims.Show(instantiate(F32({Dim::Symbol("...")}))), "f32");
}

TEST(UnifyTypesTest, AnyRankOfAFlowOnlyEqualsItself) {
  Dims dims;
  Instantiation rigid(dims, Instantiation::Kind::kRigid);
  const Type any = rigid(F32({Dim::Symbol("..."), Dim::Symbol("N")}));
  EXPECT_EQ(UnifyTypes(dims, any, any).text, "");
  EXPECT_EQ(UnifyTypes(dims, F32({Dim::Size(3), Dim::Size(4)}), any).text,
            "dimension 1: wanted 3, found ...; dimension 2: wanted 4, found N");
}

TEST(JoinedDimsTest, DifferentOpaqueOnesBecomeAThird) {
  Dims dims;
  JoinedDims join(dims);
  const Dim a = dims.Opaque("H");
  const Dim b = dims.Opaque("W");
  const std::optional<Type> joined = join(F32({a, Dim::Size(3), a}), F32({b, Dim::Size(3), a}));
  ASSERT_TRUE(joined);
  EXPECT_EQ(dims.Show(*joined), "f32[H, 3, H]");
  EXPECT_NE(joined->shape[0], a);
  EXPECT_EQ(joined->shape[2], a);
  EXPECT_EQ(join(F32({a}), F32({b}))->shape[0], joined->shape[0]);
}

TEST(JoinedDimsTest, SizesAndSymbolsOfSignaturesAreNotJoined) {
  Dims dims;
  JoinedDims join(dims);
  EXPECT_FALSE(join(F32({Dim::Size(3)}), F32({Dim::Size(4)})));
  EXPECT_FALSE(join(F32({dims.Rigid("N")}), F32({dims.Rigid("M")})));
  EXPECT_FALSE(join(F32({dims.Opaque("N")}), F32({dims.Opaque("N"), Dim::Size(3)})));
  EXPECT_TRUE(join(F32({Dim::Size(3)}), F32({dims.Opaque("N")})));
}

TEST(DimNamesTest, DifferentDimensionsHaveDifferentNames) {
  Dims dims;
  DimNames names(dims);
  const Dim a = dims.Opaque("H");
  const Dim b = dims.Opaque("H");
  EXPECT_EQ(ToString(names(F32({a, b, a}))), "f32[H, H.2, H]");
  Instantiation rigid(dims, Instantiation::Kind::kRigid);
  EXPECT_EQ(ToString(names(rigid(F32({Dim::Symbol("H/2"), Dim::Symbol("_")})))), "f32[H.3/2, _]");
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
