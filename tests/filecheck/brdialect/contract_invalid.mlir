// RUN: br-opt %s --split-input-file --verify-diagnostics | filecheck %s

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: contract_invalid.mlir:11:3: 'br.contract': expected an indexing map for each of 3 operands, got 2
func.func @maps(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>) outs(%c : memref<6x8xf32>)
    {indexing_maps = [#a, #b], iterator_types = [#parallel, #parallel, #reduction]}
  func.return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>

// CHECK: 'br.contract': expected indexing map #0 from 2 iterators to rank 2, got (d0, d1, d2) -> (d0, d2)
func.func @iterators(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>) outs(%c : memref<6x8xf32>)
    {indexing_maps = [#a, #b, #c], iterator_types = [#parallel, #parallel]}
  func.return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#c = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected indexing map #1 from 3 iterators to rank 3, got (d0, d1, d2) -> (d0, d1)
func.func @rank(%a: memref<6x4xf32>, %b: memref<1x4x8xf32>, %c: memref<6x8xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<1x4x8xf32>)
    outs(%c : memref<6x8xf32>)
    {indexing_maps = [#a, #c, #c], iterator_types = [#parallel, #parallel, #reduction]}
  func.return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected beta to be 0 or 1, got 0.5
func.func @beta(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>) outs(%c : memref<6x8xf32>)
    {indexing_maps = [#a, #b, #c], iterator_types = [#parallel, #parallel, #reduction],
     beta = 0.5 : f64}
  func.return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected elements {{.*}}, got f32, f32 -> bf16
func.func @elements(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xbf16>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>)
    outs(%c : memref<6x8xbf16>)
    {indexing_maps = [#a, #b, #c], iterator_types = [#parallel, #parallel, #reduction]}
  func.return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected a result exactly where operands are tensors
func.func @result(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<6x8xf32>) {
  br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>) outs(%c : tensor<6x8xf32>)
    {indexing_maps = [#a, #b, #c], iterator_types = [#parallel, #parallel, #reduction]}
  func.return
}

// -----

#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected the epilogue's arguments to be the accumulated element and one of each operand, (f32), got (f32, f32)
func.func @epilogue(%a: memref<6x4xf32>, %b: memref<4x8xf32>, %c: memref<6x8xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<4x8xf32>) outs(%c : memref<6x8xf32>)
    {indexing_maps = [#a, #b, #c], iterator_types = [#parallel, #parallel, #reduction]}
    epilogue {
  ^bb0(%acc: f32, %x: f32):
    br.yield %acc : f32
  }
  func.return
}
