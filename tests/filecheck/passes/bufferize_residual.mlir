// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues,bufferize | filecheck %s
// RUN: br-opt %s -p generalise-linalg,normalise-contractions,fuse-epilogues,bufferize,convert-linalg-to-br,convert-br-to-vector | filecheck %s --check-prefix KERNEL

#id = affine_map<(m, n) -> (m, n)>
module attributes {br.target = #br.target<"x86-64-v3">} {

// The residual is read where C is written, and by nothing else: C takes its place.
// CHECK-LABEL: func.func @main(
// CHECK: linalg.generic {{.*}} outs(%[[R:\d+]] : memref<6x16xf32>)
// CHECK: br.contract ins(%x, %w : {{.*}}) outs(%[[R]] : memref<6x16xf32>) {{.*}}B8{{.*}} epilogue(%[[R]] : memref<6x16xf32>)
//
// With a sum in parts C holds the first of them while the residual is still to be read.
// CHECK: br.contract ins(%x, %w : {{.*}}) outs(%[[C:\d+]] : memref<6x16xf32>) {{.*}}c2{{.*}} epilogue(%[[R]] : memref<6x16xf32>)

// The kernel that overwrites it may not think that they lie apart; what it will read of
// it is asked for before the sums are made.
// KERNEL-LABEL: func.func private @br_kernel_0(
// KERNEL-SAME: %{{.*}}: memref<6x4xf32, strided<[4, 1], offset: ?>> {llvm.noalias}, %{{.*}}: memref<4x8xf32, strided<[16, 1], offset: ?>> {llvm.noalias}, %{{.*}}: memref<6x8xf32, strided<[16, 1], offset: ?>>, %[[X:\d+]]: memref<6x8xf32, strided<[16, 1], offset: ?>>, %{{.*}}: f32) {
// KERNEL: br.prefetch %[[X]][
// KERNEL: vector.fma
// KERNEL: vector.load %[[X]][
func.func @main(%x: tensor<6x4xf32>, %w: tensor<4x16xf32>, %r: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %e = tensor.empty() : tensor<6x16xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<6x16xf32>) -> tensor<6x16xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%r : tensor<6x16xf32>) outs(%e : tensor<6x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %b = math.exp %a : f32
    linalg.yield %b : f32
  } -> tensor<6x16xf32>
  %1 = linalg.matmul {br.schedule = #br.schedule<"B8 | m=a n=b k=c">}
      ins(%x, %w : tensor<6x4xf32>, tensor<4x16xf32>)
      outs(%z : tensor<6x16xf32>) -> tensor<6x16xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%1, %0 : tensor<6x16xf32>, tensor<6x16xf32>) outs(%e : tensor<6x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    %t = arith.maximumf %s, %zero : f32
    linalg.yield %t : f32
  } -> tensor<6x16xf32>
  %3 = linalg.matmul {br.schedule = #br.schedule<"c2 B8 | m=a n=b k=c">}
      ins(%x, %w : tensor<6x4xf32>, tensor<4x16xf32>)
      outs(%z : tensor<6x16xf32>) -> tensor<6x16xf32>
  %4 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%3, %2 : tensor<6x16xf32>, tensor<6x16xf32>) outs(%e : tensor<6x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<6x16xf32>
  func.return %4 : tensor<6x16xf32>
}
}
