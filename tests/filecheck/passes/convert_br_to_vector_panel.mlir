// RUN: br-opt %s -p convert-br-to-vector,canonicalize --split-input-file | filecheck %s

// The rows of B lie 8 KiB apart: a panel of them shares a few sets of the L1, and comes
// from the L2 for every tile of rows. The first tile, of 5 rows, asks for what it reads
// ahead and copies it; the others read the copy and ask for nothing.
module attributes {br.target = #br.target<"x86-64-v4">} {
func.func @main(%a: memref<20x40xf32>, %b: memref<40x70xf32, strided<[2048, 1]>>,
                %c: memref<20x70xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<20x40xf32>,
                                    memref<40x70xf32, strided<[2048, 1]>>)
    outs(%c : memref<20x70xf32>) {register_block = array<i64: 6, 4>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<20x40xf32> {llvm.noalias}, %[[B:\d+]]: memref<40x70xf32
// CHECK: %[[PANEL:\d+]] = memref.alloca() {alignment = 64 : i64} : memref<40x64xf32>
// CHECK: br.prefetch %[[B]][
// CHECK: %[[ROW:\d+]] = vector.load %[[B]][%[[K:\d+]], %{{\d+}}]
// CHECK: vector.store %[[ROW]], %[[PANEL]][%[[K]], %{{\d+}}]
// CHECK: vector.fma %{{\d+}}, %[[ROW]]
// CHECK: %[[FIVE:\d+]] = arith.constant 5 : index
// CHECK: scf.for %{{\d+}} = %[[FIVE]]
// CHECK-NOT: br.prefetch %[[B]][
// CHECK: vector.load %[[PANEL]][
// The last 6 columns, under a mask.
// CHECK: %[[MASKED:\d+]] = vector.maskedload %[[B]][
// CHECK: vector.store %[[MASKED]], %[[PANEL]][
// CHECK: vector.load %[[PANEL]][

// -----

// Two tiles of rows: the second one alone would read the copy.
module attributes {br.target = #br.target<"x86-64-v4">} {
func.func @main(%a: memref<12x40xf32>, %b: memref<40x64xf32, strided<[2048, 1]>>,
                %c: memref<12x64xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<12x40xf32>,
                                    memref<40x64xf32, strided<[2048, 1]>>)
    outs(%c : memref<12x64xf32>) {register_block = array<i64: 6, 4>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-NOT: memref.alloca

// -----

// 200 rows of 256 bytes are more than the L1 keeps.
module attributes {br.target = #br.target<"x86-64-v4">} {
func.func @main(%a: memref<20x200xf32>, %b: memref<200x64xf32, strided<[2048, 1]>>,
                %c: memref<20x64xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<20x200xf32>,
                                    memref<200x64xf32, strided<[2048, 1]>>)
    outs(%c : memref<20x64xf32>) {register_block = array<i64: 6, 4>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-NOT: memref.alloca
