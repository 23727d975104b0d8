// RUN: br-opt %s -p fold-scales | filecheck %s

// Factors that are known when the model is loaded go into weights that are known then.

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#n = affine_map<(m, n, k) -> (n)>
#n1 = affine_map<(m, n, k) -> (n, 0)>
#m = affine_map<(m, n, k) -> (m)>

// A batch-norm and ReLU: one factor, one sum, and the rest as it was.
// CHECK-LABEL: @batch_norm
// CHECK:      %[[SCALE:\d+]] = linalg.generic {{.*}} ins(%mean, %inv, %gamma, %beta : tensor<8xf32>, tensor<8x1xf32>, tensor<8xf32>, tensor<8xf32>)
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %[[INV:\d+]]: f32, %[[GAMMA:\d+]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK-NEXT:   %[[G:\d+]] = arith.mulf %[[GAMMA]], %[[INV]] : f32
// CHECK-NEXT:   linalg.yield %[[G]] : f32
// CHECK:      %[[W:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}} ins(%w, %[[SCALE]] : tensor<8x4xf32>, tensor<8xf32>)
// CHECK-NEXT: ^bb0(%[[X:\d+]]: f32, %[[Y:\d+]]: f32, %{{.*}}: f32):
// CHECK-NEXT:   arith.mulf %[[X]], %[[Y]] : f32
// CHECK:      %[[SHIFT:\d+]] = linalg.generic
// CHECK:        arith.constant 0.000000e+00 : f32
// CHECK-NEXT:   arith.subf
// CHECK-NEXT:   arith.mulf
// CHECK-NEXT:   arith.mulf
// CHECK-NEXT:   arith.addf
// CHECK:      br.contract ins(%x, %[[W]] : tensor<6x4xf32>, tensor<8x4xf32>){{.*}} epilogue(%[[SHIFT]] : tensor<8xf32>) {
// CHECK-NEXT: ^bb0(%[[ACC:\d+]]: f32, %[[S:\d+]]: f32):
// CHECK-NEXT:   %[[SUM:\d+]] = arith.addf %[[ACC]], %[[S]] : f32
// CHECK-NEXT:   %[[MAX:\d+]] = arith.maximumf %[[SUM]], %zero : f32
// CHECK-NEXT:   br.yield %[[MAX]] : f32
func.func @batch_norm(%x: tensor<6x4xf32>, %w: tensor<8x4xf32> {br.bound = 1 : i64},
    %mean: tensor<8xf32> {br.bound = 2 : i64}, %inv: tensor<8x1xf32> {br.bound = 3 : i64},
    %gamma: tensor<8xf32> {br.bound = 4 : i64}, %beta: tensor<8xf32> {br.bound = 5 : i64})
    -> tensor<6x8xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<6x8xf32>
  %0 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n, #n1, #n, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%mean, %inv, %gamma, %beta
               : tensor<8xf32>, tensor<8x1xf32>, tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%acc: f32, %u: f32, %v: f32, %g: f32, %b: f32):
    %1 = arith.subf %acc, %u : f32
    %2 = arith.mulf %1, %v : f32
    %3 = arith.mulf %g, %2 : f32
    %4 = arith.addf %3, %b : f32
    %5 = arith.maximumf %4, %zero : f32
    br.yield %5 : f32
  } -> tensor<6x8xf32>
  func.return %0 : tensor<6x8xf32>
}

// Left alone: weights of the call; a factor of the rows; a factor of the call; a sum
// alone; a difference that turns the sign; a reciprocal.
// CHECK-LABEL: @left_alone
// CHECK-NOT:  linalg.generic
// CHECK:      func.return
func.func @left_alone(%x: tensor<6x4xf32>, %v: tensor<8x4xf32>,
    %w: tensor<8x4xf32> {br.bound = 2 : i64}, %row: tensor<6xf32> {br.bound = 3 : i64},
    %col: tensor<8xf32> {br.bound = 4 : i64}, %call: tensor<8xf32>)
    -> (tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>,
        tensor<6x8xf32>, tensor<6x8xf32>) {
  %e = tensor.empty() : tensor<6x8xf32>
  %0 = br.contract ins(%x, %v : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%col : tensor<8xf32>) {
  ^bb0(%acc: f32, %u: f32):
    %r = arith.mulf %acc, %u : f32
    br.yield %r : f32
  } -> tensor<6x8xf32>
  %1 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #m],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%row : tensor<6xf32>) {
  ^bb0(%acc: f32, %u: f32):
    %r = arith.mulf %acc, %u : f32
    br.yield %r : f32
  } -> tensor<6x8xf32>
  %2 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%call : tensor<8xf32>) {
  ^bb0(%acc: f32, %u: f32):
    %r = arith.mulf %acc, %u : f32
    br.yield %r : f32
  } -> tensor<6x8xf32>
  %3 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%col : tensor<8xf32>) {
  ^bb0(%acc: f32, %u: f32):
    %r = arith.addf %acc, %u : f32
    br.yield %r : f32
  } -> tensor<6x8xf32>
  %4 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%col : tensor<8xf32>) {
  ^bb0(%acc: f32, %u: f32):
    %s = arith.subf %u, %acc : f32
    %r = arith.mulf %s, %u : f32
    br.yield %r : f32
  } -> tensor<6x8xf32>
  %5 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%col : tensor<8xf32>) {
  ^bb0(%acc: f32, %u: f32):
    %r = arith.divf %u, %acc : f32
    br.yield %r : f32
  } -> tensor<6x8xf32>
  func.return %0, %1, %2, %3, %4, %5 : tensor<6x8xf32>, tensor<6x8xf32>,
      tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>, tensor<6x8xf32>
}

// A value that is read twice afterwards (SiLU), and a quotient.
// CHECK-LABEL: @silu
// CHECK:      arith.divf
// CHECK:      br.contract ins(%x, %{{.*}} : tensor<6x4xf32>, tensor<8x4xf32>){{.*}} epilogue {
// CHECK-NEXT: ^bb0(%[[ACC:\d+]]: f32):
// CHECK-NEXT: %{{.*}} = arith.negf %[[ACC]]
func.func @silu(%x: tensor<6x4xf32>, %w: tensor<8x4xf32> {br.bound = 1 : i64},
    %d: tensor<8xf32> {br.bound = 2 : i64}) -> tensor<6x8xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty() : tensor<6x8xf32>
  %0 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%d : tensor<8xf32>) {
  ^bb0(%acc: f32, %u: f32):
    %1 = arith.divf %acc, %u : f32
    %2 = arith.negf %1 : f32
    %3 = math.exp %2 : f32
    %4 = arith.addf %one, %3 : f32
    %5 = arith.divf %1, %4 : f32
    br.yield %5 : f32
  } -> tensor<6x8xf32>
  func.return %0 : tensor<6x8xf32>
}

// A batch of one: the factor's map has the batch's dimension, which chooses nothing.
// CHECK-LABEL: @one_row
// CHECK:      %[[W:\d+]] = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (0, d0)>, affine_map<(d0, d1) -> (d0, d1)>]{{.*}} ins(%w, %col : tensor<8x4xf32>, tensor<1x8xf32>)
// CHECK:      br.contract ins(%x, %[[W]] : tensor<1x4xf32>, tensor<8x4xf32>)
func.func @one_row(%x: tensor<1x4xf32>, %w: tensor<8x4xf32> {br.bound = 1 : i64},
    %col: tensor<1x8xf32> {br.bound = 2 : i64}) -> tensor<1x8xf32> {
  %e = tensor.empty() : tensor<1x8xf32>
  %0 = br.contract ins(%x, %w : tensor<1x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<1x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #mn],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%col : tensor<1x8xf32>) {
  ^bb0(%acc: f32, %f: f32):
    %1 = arith.mulf %acc, %f : f32
    br.yield %1 : f32
  } -> tensor<1x8xf32>
  func.return %0 : tensor<1x8xf32>
}

// A factor and an offset as they are: nothing is computed of them.
// CHECK-LABEL: @plain
// CHECK: %[[W:\d+]] = linalg.generic {{.*}} ins(%w, %f : tensor<8x4xf32>, tensor<8x1xf32>)
// CHECK-NEXT: ^bb0(%[[X:\d+]]: f32, %[[Y:\d+]]: f32, %{{.*}}: f32):
// CHECK-NEXT:   arith.mulf %[[X]], %[[Y]] : f32
// CHECK-NEXT:   linalg.yield
// CHECK-NOT: linalg.generic
// CHECK: br.contract ins(%x, %[[W]] : tensor<6x4xf32>, tensor<8x4xf32>){{.*}} epilogue(%o : tensor<8xf32>) {
// CHECK-NEXT: ^bb0(%[[ACC:\d+]]: f32, %[[O:\d+]]: f32):
// CHECK-NEXT:   arith.addf %[[ACC]], %[[O]] : f32
func.func @plain(%x: tensor<6x4xf32>, %w: tensor<8x4xf32> {br.bound = 1 : i64},
    %f: tensor<8x1xf32> {br.bound = 2 : i64}, %o: tensor<8xf32> {br.bound = 3 : i64})
    -> tensor<6x8xf32> {
  %e = tensor.empty() : tensor<6x8xf32>
  %0 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n1, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%f, %o : tensor<8x1xf32>, tensor<8xf32>) {
  ^bb0(%acc: f32, %v: f32, %b: f32):
    %1 = arith.mulf %acc, %v : f32
    %2 = arith.addf %1, %b : f32
    br.yield %2 : f32
  } -> tensor<6x8xf32>
  func.return %0 : tensor<6x8xf32>
}

// One number costs the epilogue nothing, whatever is added before it.
// CHECK-LABEL: @a_number
// CHECK-NOT: linalg.generic
// CHECK: br.contract ins(%x, %w :
func.func @a_number(%x: tensor<6x4xf32>, %w: tensor<8x4xf32> {br.bound = 1 : i64},
    %o: tensor<8xf32> {br.bound = 2 : i64}) -> tensor<6x8xf32> {
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<6x8xf32>
  %0 = br.contract ins(%x, %w : tensor<6x4xf32>, tensor<8x4xf32>)
      outs(%e : tensor<6x8xf32>)
      {indexing_maps = [#mk, #nk, #mn, #n],
       iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
                         #linalg.iterator_type<reduction>], beta = 0.0 : f64}
      epilogue(%o : tensor<8xf32>) {
  ^bb0(%acc: f32, %b: f32):
    %1 = arith.addf %acc, %b : f32
    %2 = arith.mulf %1, %half : f32
    br.yield %2 : f32
  } -> tensor<6x8xf32>
  func.return %0 : tensor<6x8xf32>
}
