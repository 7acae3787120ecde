// The tile kernels for Ring.
#include "core/simd_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/product_kernels_ring.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "core/cpu/product_kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hush {
namespace HWY_NAMESPACE {

void row_product_ring(const RowProduct<Ring>& p) {
  row_product_of(p);
}
void column_product_ring(const ColumnProduct<Ring>& p) {
  column_product_of(p);
}
std::size_t lanes_ring() {
  return kLanes<Ring>;
}
std::size_t tile_rows_ring(std::size_t vectors) {
  return kTileRows[vectors];
}

}  // namespace HWY_NAMESPACE
}  // namespace hush
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hush {

HWY_EXPORT(row_product_ring);
HWY_EXPORT(column_product_ring);
HWY_EXPORT(lanes_ring);
HWY_EXPORT(tile_rows_ring);

template <>
void row_product(const RowProduct<Ring>& p) {
  HWY_DYNAMIC_DISPATCH(row_product_ring)(p);
}
template <>
void column_product(const ColumnProduct<Ring>& p) {
  HWY_DYNAMIC_DISPATCH(column_product_ring)(p);
}
template <>
std::size_t tile_rows<Ring>(std::size_t vectors) {
  return HWY_DYNAMIC_DISPATCH(tile_rows_ring)(vectors);
}
template <>
PanelLayout panel_layout<Ring>(std::size_t columns) {
  return {columns, HWY_DYNAMIC_DISPATCH(lanes_ring)(), 2};
}

}  // namespace hush
#endif
