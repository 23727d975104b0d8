// RUN: br-opt %s -p 'add-training-step{entry=layer parameters=1 loss=cross-entropy optimizer=sgd momentum=0.9 weight_decay=0.5}' | filecheck %s
// RUN: br-opt %s -p 'add-training-step{entry=layer parameters=1 loss=mean-squared-error optimizer=adam}' | filecheck %s --check-prefix ADAM
// RUN: br-opt %s -p 'add-training-step{entry=own parameters=0}' | filecheck %s --check-prefix OWN
// RUN: br-opt %s -p 'add-training-step{entry=layer parameters=1 loss=cross-entropy momentum=0.9 state=true}' | filecheck %s --check-prefix STATE
// RUN: br-opt %s -p 'add-training-step{entry=relu parameters=1 loss=mean-squared-error}' | filecheck %s --check-prefix RELU

// Forward, loss, gradient and update stand in one function, each once; the gradient of
// %x is not asked for and not computed. A loss that is not finite changes nothing.

func.func @layer(%x: tensor<8x4xf32>, %w: tensor<4x3xf32>) -> tensor<8x3xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x3xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x3xf32>) -> tensor<8x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<8x4xf32>, tensor<4x3xf32>)
      outs(%init : tensor<8x3xf32>) -> tensor<8x3xf32>
  func.return %y : tensor<8x3xf32>
}

// CHECK:       func.func @layer_step(%x: tensor<8x4xf32>, %w: tensor<4x3xf32>, %wanted: tensor<8xi64>, %momentum: tensor<4x3xf32>, %rate: f32) -> (tensor<f32>, tensor<4x3xf32>, tensor<4x3xf32>) attributes {br.gradients} {
// CHECK:         %y = linalg.generic {{.*}} ins(%x, %w :
// CHECK:         %[[LARGEST:.*]] = linalg.generic {{.*}} ins(%y : tensor<8x3xf32>)
// CHECK:           arith.maximumf
// CHECK:         %[[SUM:.*]] = linalg.generic {{.*}} ins(%y, %[[LARGEST]] :
// CHECK:           math.exp
// CHECK:         %[[LOG:.*]] = linalg.generic {{.*}} ins(%[[LARGEST]], %[[SUM]] :
// CHECK:           math.log
// CHECK:         %[[LOSS:.*]] = linalg.generic {{.*}} iterator_types = ["reduction", "reduction"]} ins(%y, %[[LOG]], %wanted :
// CHECK:         %dy = linalg.generic {{.*}} ins(%y, %[[LOG]], %wanted :
// CHECK:         %[[DW:.*]] = linalg.generic {{.*}} ins(%dy, %x :
// CHECK:           arith.mulf
// CHECK-NEXT:      arith.addf
// CHECK:         %[[NUMBER:.*]] = tensor.extract %[[LOSS]][] : tensor<f32>
// CHECK:         %[[W:.*]], %[[M:.*]] = linalg.generic {{.*}} ins(%w, %[[DW]], %momentum :
// CHECK-NEXT:    ^bb0(%[[P:.*]]: f32, %[[G:.*]]: f32, %[[OLD:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK-NEXT:      %[[C0:.*]] = arith.constant 5.000000e-01 : f32
// CHECK-NEXT:      %[[PULL:.*]] = arith.mulf %[[C0]], %[[P]] : f32
// CHECK-NEXT:      %[[ALL:.*]] = arith.addf %[[G]], %[[PULL]] : f32
// CHECK-NEXT:      %[[C1:.*]] = arith.constant 9.000000e-01 : f32
// CHECK-NEXT:      %[[KEPT:.*]] = arith.mulf %[[C1]], %[[OLD]] : f32
// CHECK-NEXT:      %[[NEW:.*]] = arith.addf %[[KEPT]], %[[ALL]] : f32
// CHECK-NEXT:      %[[WAY:.*]] = arith.mulf %rate, %[[NEW]] : f32
// CHECK-NEXT:      %[[NEXT:.*]] = arith.subf %[[P]], %[[WAY]] : f32
// CHECK-NEXT:      %[[SIZE:.*]] = math.absf %[[NUMBER]] : f32
// CHECK-NEXT:      %[[INF:.*]] = arith.constant 0x7f800000 : f32
// CHECK-NEXT:      %[[FINITE:.*]] = arith.cmpf olt, %[[SIZE]], %[[INF]] : f32
// CHECK-NEXT:      %[[PUT:.*]] = arith.select %[[FINITE]], %[[NEXT]], %[[P]] : f32
// CHECK-NEXT:      %[[LEFT:.*]] = arith.select %[[FINITE]], %[[NEW]], %[[OLD]] : f32
// CHECK-NEXT:      linalg.yield %[[PUT]], %[[LEFT]] : f32, f32
// CHECK:         func.return %[[LOSS]], %[[W]], %[[M]] :

// ADAM:        func.func @layer_step(%x: tensor<8x4xf32>, %w: tensor<4x3xf32>, %wanted: tensor<8x3xf32>, %first: tensor<4x3xf32>, %second: tensor<4x3xf32>, %rate: f32, %root: f32) ->
// ADAM-SAME:       (tensor<f32>, tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) attributes {br.gradients} {
// ADAM:          %[[DW:.*]] = linalg.generic {{.*}} ins(%dy, %x :
// ADAM:          linalg.generic {{.*}} ins(%w, %[[DW]], %first, %second :
// ADAM:            %[[SQRT:.*]] = math.sqrt
// ADAM-NEXT:       arith.divf %[[SQRT]], %root : f32

// State: results take the place of arguments.

// STATE:       func.func @layer_step(%x: tensor<8x4xf32>, %w: tensor<4x3xf32> {br.state = 1 : i64}, %wanted: tensor<8xi64>, %momentum: tensor<4x3xf32> {br.state = 2 : i64}, %rate: f32) ->

// The function's own result is the loss: the gradient starts from 1.

func.func @own(%w: tensor<4xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<f32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<f32>) -> tensor<f32>
  %loss = linalg.dot ins(%w, %w : tensor<4xf32>, tensor<4xf32>)
      outs(%init : tensor<f32>) -> tensor<f32>
  func.return %loss : tensor<f32>
}

// OWN:         func.func @own_step(%w: tensor<4xf32>, %rate: f32) -> (tensor<f32>, tensor<4xf32>) attributes {br.gradients} {
// OWN:           %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// OWN:           %dloss = linalg.fill ins(%[[ONE]] : f32)

// Where ReLU lets the gradient pass is read off its result, which the loss has read, too:
// what it was applied to need not be kept.
// RELU-LABEL: func.func @relu_step
// RELU:         %y = linalg.generic {{.*}} ins(%x, %w :
// RELU:         %z = linalg.generic {{.*}} ins(%y :
// RELU-NOT:     ins({{.*}}%y
// RELU:         %[[DY:.*]] = linalg.generic {{.*}} ins(%dz, %z :
// RELU-NOT:     %y
// RELU:         linalg.generic {{.*}} ins(%[[DY]], %x :
// RELU-NOT:     %y
// RELU:         return
func.func @relu(%x: tensor<8x4xf32>, %w: tensor<4x3xf32>) -> tensor<8x3xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<8x3xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<8x3xf32>) -> tensor<8x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<8x4xf32>, tensor<4x3xf32>)
      outs(%init : tensor<8x3xf32>) -> tensor<8x3xf32>
  %z = linalg.generic {indexing_maps = [affine_map<(n, k) -> (n, k)>,
      affine_map<(n, k) -> (n, k)>], iterator_types = ["parallel", "parallel"]}
      ins(%y : tensor<8x3xf32>) outs(%empty : tensor<8x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %positive = arith.cmpf ugt, %in, %zero : f32
    %0 = arith.select %positive, %in, %zero : f32
    linalg.yield %0 : f32
  } -> tensor<8x3xf32>
  func.return %z : tensor<8x3xf32>
}
