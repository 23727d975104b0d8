// RUN: br-opt %s -p convert-linalg-to-br --split-input-file --verify-diagnostics \
// RUN:   | filecheck %s

// A schedule that does not fit its operation is refused, with the reason, the cure and
// the nearest schedule that fits.

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected a schedule over 3 iterators, got 'd'; the nearest schedule that fits is " | m=a n=b k=c"
func.func @unknown(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"d | m=a n=b k=c">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected an iterator of role m for m=, got 'c' (8 trips); out of ['a']; the nearest schedule that fits is "a | m=a n=b k=c"
func.func @role_m(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a | m=c n=b">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected an iterator of role n for n=, got 'a' (12 trips); out of ['b']; the nearest schedule that fits is "a b | n=b k=c"
func.func @role_n(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a b | n=a k=c">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected an iterator of role k for k=, got 'b' (16 trips); out of ['c']; the nearest schedule that fits is "a b | m=a k=c"
func.func @role_k(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a | m=a k=b">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected an iterator of role k for batch=, got 'a' (12 trips); out of ['c']; the nearest schedule that fits is "b a | n=b k=c"
func.func @role_batch(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b | n=b k=c batch=a">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected each iterator once in the call, got 'a | n=b k=c batch=c'; the nearest schedule that fits is "a | n=b k=c"
func.func @once(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"a | n=b k=c batch=c">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected each step of 'b' (16 trips) to divide the one outside; the nearest schedule that fits is "b6 | m=a n=b k=c"
func.func @steps(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b6 b4 | m=a n=b k=c">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected 'a' (12 trips) to be in the call (m=, n=, k=, batch=) or in a loop of step 1; add the loop 'a'; the nearest schedule that fits is "b16 a | n=b k=c"
func.func @left_out(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"b16 | n=b k=c">}
  func.return
}

// -----

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected no sum that threads share; run share-sums first
func.func @race(%a: memref<12x8xf32>, %b: memref<8x16xf32>, %c: memref<12x16xf32>) {
  br.contract ins(%a, %b : memref<12x8xf32>, memref<8x16xf32>)
    outs(%c : memref<12x16xf32>)
    {indexing_maps = [#mk, #kn, #mn],
     iterator_types = [#parallel, #parallel, #reduction],
     schedule = #br.schedule<"C4 | m=a n=b k=c">}
  func.return
}
