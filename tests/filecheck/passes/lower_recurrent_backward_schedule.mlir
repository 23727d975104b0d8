// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=2},lower-recurrent-ops' --split-input-file | filecheck %s

// The gradients of W and R: a part of a panel of the gates' gradients stays near, while
// those of x (or h), each in the L1, come by, and the next one is asked for.

// CHECK-LABEL: @lstm
// CHECK: br.recurrence_backward
// CHECK: br.contract {{.*}} -> (d2, d3, d0, d4){{.*}}schedule = #br.schedule<"A210 c b64 | m=a n=b k=e batch=c,d | tile=6x4 | pack=b64 | prefetch=b">
// CHECK: br.contract {{.*}} -> (d1, d0, d5, d2){{.*}}schedule = #br.schedule<"f84 B A D | m=c n=e k=f | tile=6x4 | prefetch=b">
// CHECK: br.contract {{.*}} -> (d1, d0, d5, d2){{.*}}schedule = #br.schedule<"f84 B A D | m=c n=e k=f | tile=6x4 | prefetch=b">
func.func @lstm(%x: tensor<10x168x512xf32>, %w: tensor<1x2048x512xf32>,
    %r: tensor<1x2048x512xf32>, %y: tensor<10x168x512xf32>,
    %saved: tensor<1x10x168x2560xf32>, %dy: tensor<10x168x512xf32>)
    -> (tensor<10x168x512xf32>, tensor<1x2048x512xf32>, tensor<1x2048x512xf32>) {
  %dx, %dw, %dr, %db, %drb, %dh, %dc, %dp = br.lstm_backward
    ins(%x, %w, %r : tensor<10x168x512xf32>, tensor<1x2048x512xf32>, tensor<1x2048x512xf32>)
    saved(%y, %saved : tensor<10x168x512xf32>, tensor<1x10x168x2560xf32>)
    dy(%dy : tensor<10x168x512xf32>)
    -> (tensor<10x168x512xf32>, tensor<1x2048x512xf32>, tensor<1x2048x512xf32>,
        tensor<1x2048xf32>, tensor<1x2048xf32>, tensor<1x168x512xf32>,
        tensor<1x168x512xf32>, tensor<1x1536xf32>)
  func.return %dx, %dw, %dr : tensor<10x168x512xf32>, tensor<1x2048x512xf32>, tensor<1x2048x512xf32>
}

// -----

// One gate and a few units: the threads share the only loop that there is.

// CHECK-LABEL: @rnn
// CHECK: br.recurrence_backward
// CHECK: br.contract {{.*}} -> (d1, d0, d5, d2){{.*}}schedule = #br.schedule<"f{{[0-9]+}} B | m=c n=e k=f | tile=6x4 | prefetch=b">
func.func @rnn(%x: tensor<50x168x64xf32>, %w: tensor<1x128x64xf32>,
    %r: tensor<1x128x128xf32>, %y: tensor<50x168x128xf32>,
    %saved: tensor<1x50x168x128xf32>, %dy: tensor<50x168x128xf32>)
    -> tensor<1x128x64xf32> {
  %dx, %dw, %dr, %db, %drb, %dh = br.rnn_backward
    ins(%x, %w, %r : tensor<50x168x64xf32>, tensor<1x128x64xf32>, tensor<1x128x128xf32>)
    saved(%y, %saved : tensor<50x168x128xf32>, tensor<1x50x168x128xf32>)
    dy(%dy : tensor<50x168x128xf32>)
    -> (tensor<50x168x64xf32>, tensor<1x128x64xf32>, tensor<1x128x128xf32>,
        tensor<1x128xf32>, tensor<1x128xf32>, tensor<1x168x128xf32>)
  func.return %dw : tensor<1x128x64xf32>
}

// -----

// One block of rows: the threads share the columns of each part of the sum.

// CHECK-LABEL: @one_step
// CHECK: br.contract {{.*}} -> (d2, d3, d0, d4){{.*}}schedule = #br.schedule<"c B64 | m=a n=b k=e batch=c,d | tile=6x4 | pack=b64 | prefetch=b">
func.func @one_step(%x: tensor<1x168x256xf32>, %w: tensor<1x1024x256xf32>,
    %r: tensor<1x1024x256xf32>, %y: tensor<1x168x256xf32>,
    %saved: tensor<1x1x168x1280xf32>, %dy: tensor<1x168x256xf32>)
    -> tensor<1x168x256xf32> {
  %dx, %dw, %dr, %db, %drb, %dh, %dc, %dp = br.lstm_backward
    ins(%x, %w, %r : tensor<1x168x256xf32>, tensor<1x1024x256xf32>, tensor<1x1024x256xf32>)
    saved(%y, %saved : tensor<1x168x256xf32>, tensor<1x1x168x1280xf32>)
    dy(%dy : tensor<1x168x256xf32>)
    -> (tensor<1x168x256xf32>, tensor<1x1024x256xf32>, tensor<1x1024x256xf32>,
        tensor<1x1024xf32>, tensor<1x1024xf32>, tensor<1x168x256xf32>,
        tensor<1x168x256xf32>, tensor<1x768xf32>)
  func.return %dx : tensor<1x168x256xf32>
}
