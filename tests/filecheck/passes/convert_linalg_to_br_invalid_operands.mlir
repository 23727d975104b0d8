// RUN: br-opt %s -p convert-linalg-to-br --split-input-file --verify-diagnostics \
// RUN:   | filecheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected memrefs, got tensors; run bufferize first
func.func @tensors(%a: tensor<6x4xf32>, %b: tensor<4x16xf32>, %c: tensor<6x16xf32>)
    -> tensor<6x16xf32> {
  %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x16xf32>)
    outs(%c : tensor<6x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"| m=a n=b k=c">} -> tensor<6x16xf32>
  func.return %r : tensor<6x16xf32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected a schedule; run choose-schedule first
func.func @no_schedule(%a: memref<6x4xf32>, %b: memref<4x16xf32>, %c: memref<6x16xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<4x16xf32>)
    outs(%c : memref<6x16xf32>)
    {indexing_maps = [#mk, #kn, #mn], iterator_types = [#parallel, #parallel, #reduction]}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected a memref of static shape and strides, got memref<?x4xf32>; bind its dynamic dimensions first
func.func @dynamic(%a: memref<?x4xf32>, %b: memref<4x16xf32>, %c: memref<?x16xf32>) {
  br.contract ins(%a, %b : memref<?x4xf32>, memref<4x16xf32>)
    outs(%c : memref<?x16xf32>)
    {indexing_maps = [#mk, #kn, #mn], iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"| m=a n=b k=c">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

#panels = affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>

// A call must stay inside one panel.
// CHECK: 'br.contract': expected the calls over 'b' to lie in panels of 16, got 32 at a time; loop 'b16'; the nearest schedule that fits is "b16 | m=a n=b k=c"
func.func @panels(%a: memref<6x4xf32>, %b: memref<2x4x16xf32>, %c: memref<6x32xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<2x4x16xf32>)
    outs(%c : memref<6x32xf32>)
    {indexing_maps = [#mk, #panels, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"| m=a n=b k=c">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

#panels = affine_map<(m, n, k) -> (n floordiv 16, k, n mod 16)>

// Steps of 12 would cross from one panel into the next.
// CHECK: 'br.contract': expected the calls over 'b' to lie in panels of 16, got 12 at a time; loop 'b16'; the nearest schedule that fits is "b16 | m=a n=b k=c"
func.func @across(%a: memref<6x4xf32>, %b: memref<2x4x16xf32>, %c: memref<6x32xf32>) {
  br.contract ins(%a, %b : memref<6x4xf32>, memref<2x4x16xf32>)
    outs(%c : memref<6x32xf32>)
    {indexing_maps = [#mk, #panels, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b12 | m=a n=b k=c">}
  func.return
}
