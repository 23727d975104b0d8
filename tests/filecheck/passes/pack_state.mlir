// RUN: br-opt %s -p 'set-target{target=x86-64-v4},add-training-step{parameters=1,2 loss=mean-squared-error momentum=0.9 state=true},generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues,pack-state,choose-schedule,pack-operands' | filecheck %s
// RUN: br-opt %s -p 'set-target{target=x86-64-v4},add-training-step{parameters=1,2 loss=mean-squared-error momentum=0.9 state=true},generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues,pack-state,choose-schedule,pack-operands' | filecheck %s --check-prefix ONCE
// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},add-training-step{parameters=1,2 loss=mean-squared-error momentum=0.9 state=true},generalise-linalg,normalise-contractions,propagate-layouts,fuse-epilogues,pack-state' | filecheck %s --check-prefix GPU

// A training step of two layers. Weights and momentum lie in the panels of the forward
// products, the gradients are computed in panels, and the updates go from end to end:
// in the step nothing makes panels of %w, and of %v only what its gradient by data
// reads, which wants it transposed.

func.func @main(%x: tensor<104x64xf32>, %w: tensor<128x64xf32>, %v: tensor<192x128xf32>)
    -> tensor<104x192xf32> {
  %zero = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<104x128xf32>
  %i0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<104x128xf32>) -> tensor<104x128xf32>
  %h = linalg.matmul indexing_maps = [
      affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
      affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : tensor<104x64xf32>, tensor<128x64xf32>)
      outs(%i0 : tensor<104x128xf32>) -> tensor<104x128xf32>
  %e1 = tensor.empty() : tensor<104x192xf32>
  %i1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<104x192xf32>) -> tensor<104x192xf32>
  %y = linalg.matmul indexing_maps = [
      affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
      affine_map<(m, n, k) -> (m, n)>]
      ins(%h, %v : tensor<104x128xf32>, tensor<192x128xf32>)
      outs(%i1 : tensor<104x192xf32>) -> tensor<104x192xf32>
  func.return %y : tensor<104x192xf32>
}

// CHECK:       func.func @main_step(%x: tensor<104x64xf32>,
// CHECK-SAME:    %w: tensor<2x64x64xf32> {br.state = 1 : i64, br.layout = affine_map<(d0, d1) -> ((d0 floordiv 64), d1, (d0 mod 64))>},
// CHECK-SAME:    %v: tensor<3x128x64xf32> {br.state = 2 : i64, br.layout = affine_map<(d0, d1) -> ((d0 floordiv 64), d1, (d0 mod 64))>},
// CHECK-SAME:    %momentum: tensor<2x64x64xf32> {br.state = 3 : i64, br.layout =
// CHECK-SAME:    %momentum_1: tensor<3x128x64xf32> {br.state = 4 : i64, br.layout =
// CHECK:         br.contract ins(%x, %w : tensor<104x64xf32>, tensor<2x64x64xf32>) {{.*}}pack=b64
// CHECK:         br.contract ins(%{{.*}}, %v : tensor<104x128xf32>, tensor<3x128x64xf32>) {{.*}}pack=b64
// CHECK:         %dy = linalg.generic
// CHECK:         %[[GV:.*]] = br.contract {{.*}} outs(%{{.*}} : tensor<3x128x64xf32>)
// CHECK:         %[[GW:.*]] = br.contract {{.*}} outs(%{{.*}} : tensor<2x64x64xf32>)
// CHECK:         linalg.generic {{.*}} ins(%w, %[[GW]], %momentum : tensor<2x64x64xf32>
// CHECK:         linalg.generic {{.*}} ins(%v, %[[GV]], %momentum_1 : tensor<3x128x64xf32>

// ONCE-LABEL:  func.func @main_step
// ONCE-NOT:      ins(%w : tensor
// ONCE-NOT:      {{(pad|shape)}} %w

// GPU:         func.func @main_step(%x: tensor<104x64xf32>, %w: tensor<128x64xf32> {br.state = 1 : i64},
