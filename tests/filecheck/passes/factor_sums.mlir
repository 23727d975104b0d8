// RUN: br-opt %s -p factor-sums | filecheck %s
// RUN: br-opt %s -p factor-sums,share-reductions | filecheck %s --check-prefix SHARED

#pixels = affine_map<(n, h, c) -> (n, h, c)>
#channel = affine_map<(n, h, c) -> (c)>
#same = affine_map<(c) -> (c)>

// The gradients of a norm by its scale and through its variance: without their factors
// they are one sum.
// CHECK-LABEL: func.func @gradients
// CHECK:         %[[S:.*]] = linalg.generic {{.*}} ins(%dz, %y, %m : {{.*}}) outs(%{{.*}} : tensor<16xf32>)
// CHECK-NEXT:    ^bb0(%[[DZ:.*]]: f32, %[[Y:.*]]: f32, %[[M:.*]]: f32, %[[SUM:.*]]: f32):
// CHECK-NEXT:      %[[D:.*]] = arith.subf %[[Y]], %[[M]]
// CHECK-NEXT:      %[[P:.*]] = arith.mulf %[[DZ]], %[[D]]
// CHECK-NEXT:      arith.addf %[[SUM]], %[[P]]
// CHECK:         linalg.generic {{.*}}["parallel"]} ins(%[[S]], %scale : {{.*}})
// CHECK:           arith.mulf
// CHECK:         linalg.generic {{.*}} ins(%dz, %y, %m : {{.*}}) outs(%{{.*}} : tensor<16xf32>)
// CHECK:         linalg.generic {{.*}}["parallel"]} ins(%{{.*}}, %scale : {{.*}})
// CHECK:           arith.divf
// CHECK:           arith.constant 2.0
// CHECK:           arith.constant -1.0
// SHARED-LABEL: func.func @gradients
// SHARED:         %[[S:.*]] = linalg.generic {{.*}} ins(%dz, %y, %m : {{.*}}) outs(%{{[a-z0-9_]*}} : tensor<16xf32>)
// SHARED-NOT:     "reduction"
// SHARED:         return
func.func @gradients(%dz: tensor<4x8x16xf32>, %y: tensor<4x8x16xf32>,
    %m: tensor<16xf32>, %scale: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>) attributes {br.gradients} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %s = linalg.generic {indexing_maps = [#pixels, #pixels, #channel, #channel, #channel],
      iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%dz, %y, %m, %scale : tensor<4x8x16xf32>, tensor<4x8x16xf32>,
          tensor<16xf32>, tensor<16xf32>) outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %b: f32, %mean: f32, %f: f32, %out: f32):
    %0 = arith.subf %b, %mean : f32
    %1 = arith.mulf %0, %f : f32
    %2 = arith.mulf %a, %1 : f32
    %3 = arith.addf %out, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<16xf32>
  %t = linalg.generic {indexing_maps = [#pixels, #pixels, #channel, #channel, #channel],
      iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%dz, %y, %m, %scale : tensor<4x8x16xf32>, tensor<4x8x16xf32>,
          tensor<16xf32>, tensor<16xf32>) outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %b: f32, %mean: f32, %f: f32, %out: f32):
    %0 = arith.divf %a, %f : f32
    %1 = arith.subf %b, %mean : f32
    %2 = arith.mulf %0, %1 : f32
    %3 = arith.addf %2, %2 : f32
    %4 = arith.negf %3 : f32
    %5 = arith.addf %4, %out : f32
    linalg.yield %5 : f32
  } -> tensor<16xf32>
  func.return %s, %t : tensor<16xf32>, tensor<16xf32>
}

// Distances from the mean of what is summed up: nothing is summed. From the mean of
// something else, or of more, it is.
// CHECK-LABEL: func.func @distances
// CHECK:         %[[MEAN:mean]] = linalg.generic
// CHECK:         %[[S:.*]] = linalg.generic {{.*}}["parallel"]} ins(%[[MEAN]], %scale : {{.*}})
// CHECK-NEXT:    ^bb0(%[[X:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK:           arith.subf %[[X]], %[[X]]
// CHECK:         %[[T:.*]] = linalg.generic {{.*}}"reduction"{{.*}} ins(%y, %[[MEAN]] :
// CHECK:         %[[U:.*]] = linalg.generic {{.*}}"reduction"{{.*}} ins(%x, %other :
// CHECK:         return %[[S]],
func.func @distances(%x: tensor<4x8x16xf32>, %y: tensor<4x8x16xf32>,
    %scale: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) attributes {br.gradients} {
  %zero = arith.constant 0.0 : f32
  %count = arith.constant 32.0 : f32
  %more = arith.constant 33.0 : f32
  %e = tensor.empty() : tensor<16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %sum = linalg.generic {indexing_maps = [#pixels, #channel],
      iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%x : tensor<4x8x16xf32>) outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.addf %out, %a : f32
    linalg.yield %0 : f32
  } -> tensor<16xf32>
  %mean = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel"]}
      ins(%sum : tensor<16xf32>) outs(%e : tensor<16xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.divf %a, %count : f32
    linalg.yield %0 : f32
  } -> tensor<16xf32>
  %other = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel"]}
      ins(%sum : tensor<16xf32>) outs(%e : tensor<16xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.divf %a, %more : f32
    linalg.yield %0 : f32
  } -> tensor<16xf32>
  %s = linalg.generic {indexing_maps = [#pixels, #channel, #channel, #channel],
      iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%x, %mean, %scale : tensor<4x8x16xf32>, tensor<16xf32>, tensor<16xf32>)
      outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %m: f32, %f: f32, %out: f32):
    %0 = arith.subf %a, %m : f32
    %1 = arith.mulf %f, %0 : f32
    %2 = arith.addf %out, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<16xf32>
  %t = linalg.generic {indexing_maps = [#pixels, #channel, #channel],
      iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%y, %mean : tensor<4x8x16xf32>, tensor<16xf32>)
      outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %m: f32, %out: f32):
    %0 = arith.subf %a, %m : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<16xf32>
  %u = linalg.generic {indexing_maps = [#pixels, #channel, #channel],
      iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%x, %other : tensor<4x8x16xf32>, tensor<16xf32>)
      outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %m: f32, %out: f32):
    %0 = arith.subf %a, %m : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<16xf32>
  func.return %s, %t, %u : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>
}

// A short sum stays as it is, and so does one without factors.
// CHECK-LABEL: func.func @others
// CHECK:         linalg.generic {{.*}} ins(%x, %f :
// CHECK:         linalg.generic {{.*}} ins(%y :
// CHECK-NOT:     linalg.generic
// CHECK:         return
func.func @others(%x: tensor<8x16xf32>, %f: tensor<16xf32>, %y: tensor<32x16xf32>)
    -> (tensor<16xf32>, tensor<16xf32>) attributes {br.gradients} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(n, c) -> (n, c)>,
      affine_map<(n, c) -> (c)>, affine_map<(n, c) -> (c)>],
      iterator_types = ["reduction", "parallel"]}
      ins(%x, %f : tensor<8x16xf32>, tensor<16xf32>) outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<16xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(n, c) -> (n, c)>,
      affine_map<(n, c) -> (c)>], iterator_types = ["reduction", "parallel"]}
      ins(%y : tensor<32x16xf32>) outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %out: f32):
    %0 = arith.mulf %a, %a : f32
    %1 = arith.addf %out, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<16xf32>
  func.return %s, %t : tensor<16xf32>, tensor<16xf32>
}

// What a user sums up stays as written: the factor may keep the sum from overflowing.
// CHECK-LABEL: func.func @of_a_user
// CHECK:         %[[P:.*]] = arith.mulf
// CHECK-NEXT:    arith.addf %{{.*}}, %[[P]]
// CHECK-NOT:     linalg.generic
// CHECK:         func.return
func.func @of_a_user(%x: tensor<32x16xf32>, %f: tensor<16xf32>) -> tensor<16xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(n, c) -> (n, c)>,
      affine_map<(n, c) -> (c)>, affine_map<(n, c) -> (c)>],
      iterator_types = ["reduction", "parallel"]}
      ins(%x, %f : tensor<32x16xf32>, tensor<16xf32>) outs(%init : tensor<16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %t = arith.addf %sum, %p : f32
    linalg.yield %t : f32
  } -> tensor<16xf32>
  func.return %s : tensor<16xf32>
}
