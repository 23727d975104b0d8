// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},convert-to-llvm' -t llvmir | filecheck %s

// Lanes give each other 32 bits at a time.
// CHECK-LABEL: @double(
// CHECK: %[[N:.*]] = bitcast double %{{.*}} to i64
// CHECK: %[[HIGH:.*]] = lshr i64 %[[N]], 32
// CHECK: %[[L:.*]] = trunc i64 %[[N]] to i32
// CHECK: %[[L2:.*]] = call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %[[L]], i32 4, i32 31)
// CHECK: %[[L3:.*]] = zext i32 %[[L2]] to i64
// CHECK: %[[H:.*]] = trunc i64 %[[HIGH]] to i32
// CHECK: %[[H2:.*]] = call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %[[H]], i32 4, i32 31)
// CHECK: %[[H3:.*]] = zext i32 %[[H2]] to i64
// CHECK: %[[UP:.*]] = shl i64 %[[H3]], 32
// CHECK: %[[ALL:.*]] = or i64 %[[L3]], %[[UP]]
// CHECK: bitcast i64 %[[ALL]] to double
func.func @double(%x: f64) -> f64
    attributes {br.grid = 1 : i64, br.threads = 32 : i64, br.shared = 0 : i64} {
  %y = br.shuffle_xor %x {mask = 4 : i64} : f64
  func.return %y : f64
}

// CHECK-LABEL: @half(
// CHECK: %[[N:.*]] = bitcast half %{{.*}} to i16
// CHECK: %[[W:.*]] = zext i16 %[[N]] to i32
// CHECK: %[[S:.*]] = call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %[[W]], i32 1, i32 31)
// CHECK: %[[T:.*]] = trunc i32 %[[S]] to i16
// CHECK: bitcast i16 %[[T]] to half
func.func @half(%x: f16) -> f16
    attributes {br.grid = 1 : i64, br.threads = 32 : i64, br.shared = 0 : i64} {
  %y = br.shuffle_xor %x {mask = 1 : i64} : f16
  func.return %y : f16
}
