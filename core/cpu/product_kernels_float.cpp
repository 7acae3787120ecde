// The tile kernels for float.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/product_kernels_float.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/cpu/product_kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

void row_product_float(const RowProduct<float>& p) {
  row_product_of(p);
}
void column_product_float(const ColumnProduct<float>& p) {
  column_product_of(p);
}
std::string instruction_set() {
#if HWY_TARGET == HWY_AVX3
  return "AVX-512";
#elif HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return "no SIMD";
#else
  return hwy::TargetName(HWY_TARGET);
#endif
}
std::size_t lanes_float() {
  return kLanes<float>;
}
std::size_t tile_rows_float(std::size_t vectors) {
  return kTileRows[vectors];
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {

HWY_EXPORT(row_product_float);
HWY_EXPORT(column_product_float);
HWY_EXPORT(instruction_set);
HWY_EXPORT(lanes_float);
HWY_EXPORT(tile_rows_float);

template <>
void row_product(const RowProduct<float>& p) {
  HWY_DYNAMIC_DISPATCH(row_product_float)(p);
}
template <>
void column_product(const ColumnProduct<float>& p) {
  HWY_DYNAMIC_DISPATCH(column_product_float)(p);
}
template <>
std::size_t tile_rows<float>(std::size_t vectors) {
  return HWY_DYNAMIC_DISPATCH(tile_rows_float)(vectors);
}
std::string product_instruction_set() {
  return HWY_DYNAMIC_DISPATCH(instruction_set)();
}
template <>
PanelLayout panel_layout<float>(std::size_t columns) {
  return {columns, HWY_DYNAMIC_DISPATCH(lanes_float)(), 2};
}

}  // namespace hush
#endif
