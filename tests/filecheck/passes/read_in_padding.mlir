// RUN: br-opt %s -p read-in-padding | filecheck %s

// What reads a padded tensor beside its padding reads it there, in loops as well: bufferize
// computes it in the middle of the zeros then.

#same = affine_map<(n, h, w, c) -> (n, h, w, c)>

// CHECK-LABEL: @relu
// CHECK:      %[[Y:\w+]] = linalg.generic {{.*}} ins(%x :
// CHECK:      %[[P:\w+]] = tensor.pad %[[Y]] low[0, 1, 1, 0] high[0, 1, 2, 0]
// CHECK:      %[[I:\d+]] = tensor.extract_slice %[[P]][0, 1, 1, 0] [2, 5, 7, 16] [1, 1, 1, 1]
// CHECK:      linalg.generic {{.*}} ins(%g, %[[I]] :
// CHECK:      tensor.extract_slice %[[I]][1, 0, 0, 0] [1, 5, 7, 16]
// CHECK-NOT:  tensor.pad
// CHECK:      return %{{.*}}, %[[P]], %{{.*}} :
func.func @relu(%x: tensor<2x5x7x16xf32>, %g: tensor<2x5x7x16xf32>) -> (tensor<2x5x7x16xf32>, tensor<2x7x10x16xf32>, tensor<1x5x7x16xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x5x7x16xf32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<2x5x7x16xf32>) outs(%e : tensor<2x5x7x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<2x5x7x16xf32>
  %mask = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%g, %y : tensor<2x5x7x16xf32>, tensor<2x5x7x16xf32>) outs(%e : tensor<2x5x7x16xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %is = arith.cmpf ogt, %b, %zero : f32
    %m = arith.select %is, %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<2x5x7x16xf32>
  %part = tensor.extract_slice %y[1, 0, 0, 0] [1, 5, 7, 16] [1, 1, 1, 1] : tensor<2x5x7x16xf32> to tensor<1x5x7x16xf32>
  %p = tensor.pad %y low[0, 1, 1, 0] high[0, 1, 2, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<2x5x7x16xf32> to tensor<2x7x10x16xf32>
  return %mask, %p, %part : tensor<2x5x7x16xf32>, tensor<2x7x10x16xf32>, tensor<1x5x7x16xf32>
}

// Who returns the tensor wants it whole.
// CHECK-LABEL: @whole
// CHECK:      %[[Y:\w+]] = linalg.generic {{.*}} ins(%x :
// CHECK-NOT:  tensor.extract_slice
// CHECK:      return %[[Y]], %{{.*}} :
func.func @whole(%x: tensor<2x5x7x16xf32>) -> (tensor<2x5x7x16xf32>, tensor<2x7x9x16xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x5x7x16xf32>
  %y = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%x : tensor<2x5x7x16xf32>) outs(%e : tensor<2x5x7x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %m = arith.maximumf %a, %zero : f32
    linalg.yield %m : f32
  } -> tensor<2x5x7x16xf32>
  %p = tensor.pad %y low[0, 1, 1, 0] high[0, 1, 1, 0] {
  ^bb0(%i: index, %j: index, %k: index, %l: index):
    tensor.yield %zero : f32
  } : tensor<2x5x7x16xf32> to tensor<2x7x9x16xf32>
  return %y, %p : tensor<2x5x7x16xf32>, tensor<2x7x9x16xf32>
}
