// RUN: br-opt %s -p normalise-contractions | filecheck %s

// A product of matrices, and what may look different in it.

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nm = affine_map<(m, n, k) -> (n, m)>

// CHECK-LABEL: @matmul
// CHECK: %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
func.func @matmul(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %r = linalg.generic {indexing_maps = [#mk, #kn, #mn],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  } -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}

// The body may multiply and add in any order of operands.
// CHECK-LABEL: @commuted
// CHECK: %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
func.func @commuted(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>)
    -> tensor<6x8xf32> {
  %r = linalg.generic {indexing_maps = [#mk, #kn, #mn],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %y, %x : f32
    %s = arith.addf %p, %z : f32
    linalg.yield %s : f32
  } -> tensor<6x8xf32>
  func.return %r : tensor<6x8xf32>
}

// B may be transposed, in f64, on memrefs.
// CHECK-LABEL: @transposed_b
// CHECK: br.contract ins(%a, %b : memref<6x4xf64>, memref<8x4xf64>) outs(%c : memref<6x8xf64>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
func.func @transposed_b(%a: memref<6x4xf64>, %b: memref<8x4xf64>, %c: memref<6x8xf64>) {
  linalg.generic {indexing_maps = [#mk, #nk, #mn],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<6x4xf64>, memref<8x4xf64>) outs(%c : memref<6x8xf64>) {
  ^bb0(%x: f64, %y: f64, %z: f64):
    %p = arith.mulf %x, %y : f64
    %s = arith.addf %z, %p : f64
    linalg.yield %s : f64
  }
  func.return
}

// C[n, m]: its columns are those of A, so A and B change places.
// CHECK-LABEL: @swapped
// CHECK: %r = br.contract ins(%b, %a : tensor<4x8xf32>, tensor<6x4xf32>) outs(%c : tensor<8x6xf32>) {indexing_maps = [affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d0)>]
func.func @swapped(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<8x6xf32>)
    -> tensor<8x6xf32> {
  %r = linalg.generic {indexing_maps = [#mk, #kn, #nm],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<8x6xf32>) {
  ^bb0(%x: f32, %y: f32, %z: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %z, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x6xf32>
  func.return %r : tensor<8x6xf32>
}
