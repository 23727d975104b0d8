// RUN: br-opt %s -p hoist-loop-invariants --split-input-file | filecheck %s
// RUN: br-opt %s -p hoist-loop-invariants,hoist-load-time --split-input-file \
// RUN:   | filecheck %s --check-prefix=LOAD

// The transposed weights are the same in each trip, and those of a call, too. What is
// made of %h is not, and an empty tensor stays where it is written.
// CHECK-LABEL: @weights
// CHECK:       [[E:%[^ ]+]] = tensor.empty() : tensor<3x2xf32>
// CHECK-NEXT:  [[T:%[^ ]+]] = linalg.generic {{.*}} ins(%w : tensor<2x3xf32>) outs([[E]] :
// CHECK:       scf.for
// CHECK-NEXT:    scf.for
// CHECK:           tensor.empty() : tensor<3x2xf32>
// CHECK:           linalg.generic {{.*}} ins(%{{.*}}, [[T]] :
// LOAD-LABEL:  @weights_load(%0: tensor<2x3xf32> {br.bound = 1 : i64}) -> tensor<3x2xf32>
// LOAD-LABEL:  @weights(%x: tensor<3x2xf32>, %{{.*}}: tensor<3x2xf32> {br.packed})
func.func @weights(%x: tensor<3x2xf32>, %w: tensor<2x3xf32> {br.bound = 1}) -> tensor<3x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %r = scf.for %i = %c0 to %c5 step %c1 iter_args(%g = %x) -> (tensor<3x2xf32>) {
    %s = scf.for %j = %c0 to %c5 step %c1 iter_args(%h = %g) -> (tensor<3x2xf32>) {
      %e = tensor.empty() : tensor<3x2xf32>
      %t = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%w : tensor<2x3xf32>) outs(%e : tensor<3x2xf32>) {
      ^bb0(%a: f32, %o: f32):
        linalg.yield %a : f32
      } -> tensor<3x2xf32>
      %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%h, %t : tensor<3x2xf32>, tensor<3x2xf32>) outs(%e : tensor<3x2xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %c = arith.addf %a, %b : f32
        linalg.yield %c : f32
      } -> tensor<3x2xf32>
      scf.yield %y : tensor<3x2xf32>
    }
    scf.yield %s : tensor<3x2xf32>
  }
  func.return %r : tensor<3x2xf32>
}

// -----

// Of a branch, only what weights alone say is computed before: it may not run. A
// division of integers stays in a loop that may not run.
// CHECK-LABEL: @branch
// CHECK:       scf.if
// CHECK:         arith.addf
// CHECK:       scf.for
// CHECK:         arith.divsi
func.func @branch(%x: tensor<4xf32>, %n: tensor<4xi32>, %c: i1, %trips: index) -> (tensor<4xf32>, tensor<4xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.if %c -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) {
    ^bb1(%a: f32, %o: f32):
      %b = arith.addf %a, %a : f32
      linalg.yield %b : f32
    } -> tensor<4xf32>
    scf.yield %y : tensor<4xf32>
  } else {
    scf.yield %x : tensor<4xf32>
  }
  %s = scf.for %i = %c0 to %trips step %c1 iter_args(%h = %n) -> (tensor<4xi32>) {
    %e = tensor.empty() : tensor<4xi32>
    %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%n : tensor<4xi32>) outs(%e : tensor<4xi32>) {
    ^bb1(%a: i32, %o: i32):
      %b = arith.divsi %a, %a : i32
      linalg.yield %b : i32
    } -> tensor<4xi32>
    scf.yield %y : tensor<4xi32>
  }
  func.return %r, %s : tensor<4xf32>, tensor<4xi32>
}
