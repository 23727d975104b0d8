// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=1},lower-recurrent-ops' --split-input-file | filecheck %s

// One sequence reads R once in a step, from end to end.

// CHECK-LABEL: @one
// CHECK:         br.recurrence {{.*}}rows = 1 : i64, depth = 1024 : i64
func.func @one(%x: tensor<9x1x64xf32>, %w: tensor<1x4096x64xf32>,
    %r: tensor<1x4096x1024xf32>) -> tensor<9x1x1024xf32> {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<9x1x64xf32>, tensor<1x4096x64xf32>, tensor<1x4096x1024xf32>)
    -> (tensor<9x1x1024xf32>, tensor<1x1x1024xf32>, tensor<1x1x1024xf32>)
  func.return %y : tensor<9x1x1024xf32>
}

// -----

// Many read it several times: the part that they share stays in the L2.

// CHECK-LABEL: @many
// CHECK:         br.recurrence {{.*}}rows = 168 : i64, depth = 256 : i64
func.func @many(%x: tensor<9x168x64xf32>, %w: tensor<1x4096x64xf32>,
    %r: tensor<1x4096x1024xf32>) -> tensor<9x168x1024xf32> {
  %y, %h, %c = br.lstm
    ins(%x, %w, %r : tensor<9x168x64xf32>, tensor<1x4096x64xf32>, tensor<1x4096x1024xf32>)
    -> (tensor<9x168x1024xf32>, tensor<1x168x1024xf32>, tensor<1x168x1024xf32>)
  func.return %y : tensor<9x168x1024xf32>
}
