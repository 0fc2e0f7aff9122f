// What programs have compiled into them: values of this size and these numbers.
#include <gtest/gtest.h>
#include <raceway/compile.h>
#include <raceway/raceway.h>

namespace raceway::tests {
namespace {

/// A failure here means that programs must be built again: raise RACEWAY_ABI (export.h) first.
TEST(AbiTest, StructsKeepTheirSizes) {
  EXPECT_EQ(RACEWAY_ABI, 0);
  EXPECT_EQ(sizeof(Awaitable), 200U);
  EXPECT_EQ(sizeof(CancelSource), 16U);
  EXPECT_EQ(sizeof(CancelToken), 16U);
  EXPECT_EQ(sizeof(Compilation), 80U);
  EXPECT_EQ(sizeof(CompileOptions), 80U);
  EXPECT_EQ(sizeof(Deadline), 8U);
  EXPECT_EQ(sizeof(DeployOptions), 1U);
  EXPECT_EQ(sizeof(Diagnostic), 208U);
  EXPECT_EQ(sizeof(Engine), 16U);
  EXPECT_EQ(sizeof(EngineOptions), 4U);
  EXPECT_EQ(sizeof(Error), 80U);
  EXPECT_EQ(sizeof(Field), 104U);
  EXPECT_EQ(sizeof(Flow), 16U);
  EXPECT_EQ(sizeof(Place), 48U);
  EXPECT_EQ(sizeof(Plan), 16U);
  EXPECT_EQ(sizeof(RequestOptions), 32U);
  EXPECT_EQ(sizeof(Result<Table>), 88U);
  EXPECT_EQ(sizeof(Table), 16U);
  EXPECT_EQ(sizeof(TableSpec), 56U);
  EXPECT_EQ(sizeof(TextTensor), 48U);
}

/// New ones go to the end.
TEST(AbiTest, EnumeratorsKeepTheirNumbers) {
  EXPECT_EQ(static_cast<int>(ErrorCode::kInternal), 7);
  EXPECT_EQ(static_cast<int>(DataType::kDuration), 16);
  EXPECT_EQ(static_cast<int>(Layout::kText), 2);
  EXPECT_EQ(static_cast<int>(Diagnostic::Severity::kError), 2);
}

}  // namespace
}  // namespace raceway::tests
