// RUN: br-opt %s -p pack-operands,bufferize,convert-linalg-to-br | filecheck %s
// RUN: br-opt %s -p pack-operands,bufferize,convert-linalg-to-br,convert-br-to-vector | filecheck %s --check-prefix=KERNEL

// prefetch=b: the two calls with a panel of b (rows 0 to 3, rows 4 to 7) each ask for a
// half of the next panel: 64 of its 128 elements. The last panel has no next one.

module attributes {br.target = #br.target<"x86-64-v3">} {

// CHECK-LABEL: @ahead
// CHECK:      scf.for %[[J:\d+]] =
// CHECK:      scf.for %[[I:\d+]] =
// CHECK:      %[[TRIP:\d+]] = arith.divui %{{.*}}, %{{.*}} : index
// CHECK:      %[[PART:\d+]] = arith.muli %[[TRIP]], %{{.*}} : index
// CHECK:      %[[LAST:\d+]] = arith.constant 448 : index
// CHECK-NEXT: %[[AT:\d+]] = arith.minsi %{{.*}}, %[[LAST]] : index
// CHECK-NEXT: %[[NEXT:\d+]] = memref.reinterpret_cast %{{.*}} to offset: [%[[AT]]], sizes: [64], strides: [1] : memref<4x16x8xf32> to memref<64xf32, strided<[1], offset: ?>>
// CHECK-NEXT: br.batch_reduce_gemm ins(%{{.*}}) outs(%{{.*}}) next(%[[NEXT]] : memref<64xf32, strided<[1], offset: ?>>) {register_block = array<i64: 2, 1>}

// A tile of 2 rows brings 32 of the 64 elements, 2 in each of its 16 steps.
// KERNEL-LABEL: func.func private @br_kernel_0(
// KERNEL:      scf.for %[[ROW:\d+]] =
// KERNEL:      %[[START:\d+]] = arith.muli %[[ROW]], %{{.*}} : index
// KERNEL:      scf.for %[[K:\d+]] =
// KERNEL-NEXT: %[[TWO:\d+]] = arith.constant 2 : index
// KERNEL-NEXT: %[[DONE:\d+]] = arith.muli %[[K]], %[[TWO]] : index
// KERNEL-NEXT: %[[PLACE:\d+]] = arith.addi %[[START]], %[[DONE]] : index
// KERNEL-NEXT: br.prefetch %{{.*}}[%[[PLACE]]] {far} : memref<64xf32, strided<[1], offset: ?>>
func.func @ahead(%a: tensor<8x16xf32>, %b: tensor<16x32xf32>, %c: tensor<8x32xf32>)
    -> tensor<8x32xf32> {
  %r = br.contract ins(%a, %b : tensor<8x16xf32>, tensor<16x32xf32>)
    outs(%c : tensor<8x32xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                       #linalg.iterator_type<reduction>],
     schedule = #br.schedule<"b8 a4 | m=a n=b k=c | tile=2x1 | pack=b8 | prefetch=b">}
    -> tensor<8x32xf32>
  func.return %r : tensor<8x32xf32>
}

}
