// RUN: br-opt %s -p choose-schedule --split-input-file --verify-diagnostics | filecheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: choose_schedule_invalid.mlir:12:3: 'br.contract': expected static sizes, got a dynamic dimension that nothing binds; give the shapes of the arguments (br-run --input=SHAPExf32)
func.func @dynamic(%a: tensor<?x64xf32>, %b: tensor<64x64xf32>, %c: tensor<?x64xf32>)
    -> tensor<?x64xf32> {
  %r = br.contract ins(%a, %b : tensor<?x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<?x64xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction]} -> tensor<?x64xf32>
  func.return %r : tensor<?x64xf32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nm = affine_map<(m, n, k) -> (n, m)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// Written by hand, with the columns of C in A.
// CHECK: 'br.contract': expected plain indexing maps with columns shared by b and c
func.func @columns(%a: tensor<6x4xf32>, %b: tensor<4x8xf32>, %c: tensor<8x6xf32>)
    -> tensor<8x6xf32> {
  %r = br.contract ins(%a, %b : tensor<6x4xf32>, tensor<4x8xf32>)
    outs(%c : tensor<8x6xf32>)
    {indexing_maps = [#mk, #kn, #nm],
     iterator_types = [#parallel, #parallel, #reduction]} -> tensor<8x6xf32>
  func.return %r : tensor<8x6xf32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// A schedule that was written by hand and does not fit.
// CHECK: 'br.contract': expected an iterator of role m for m=, got 'c' (64 trips); out of ['a']; the nearest schedule that fits is "c16 B32 | m=a n=b k=c | tile=4x2 | pack=b32"
func.func @pinned(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>, %c: tensor<64x64xf32>)
    -> tensor<64x64xf32> {
  %r = br.contract ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<64x64xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"C16 B32 b24 | m=c n=b k=c | tile=4x2 | pack=b24">}
    -> tensor<64x64xf32>
  func.return %r : tensor<64x64xf32>
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected m= beside pack=a4; leave pack=a4 out; the nearest schedule that fits is "A B32 | n=b k=c"
func.func @rows(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>, %c: tensor<64x64xf32>)
    -> tensor<64x64xf32> {
  %r = br.contract ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
    outs(%c : tensor<64x64xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"A B32 | n=b k=c | pack=a4">} -> tensor<64x64xf32>
  func.return %r : tensor<64x64xf32>
}
