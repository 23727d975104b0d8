// RUN: br-opt %s -p call-by-table | filecheck %s
// RUN: br-opt %s -p 'call-by-table{functions=other}' | filecheck %s --check-prefix OTHER

// The arguments stand in slots of 8 bytes, whatever their types.
// CHECK: llvm.func internal @main({{.*}}) attributes {{.*}}no_inline
// CHECK: llvm.func @main.by_table(%[[T:\d+]]: !llvm.ptr) {
// CHECK-NEXT: %[[X:\d+]] = llvm.load %[[T]] {alignment = 8 : i64} : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT: %[[P1:\d+]] = llvm.getelementptr %[[T]][8]
// CHECK-NEXT: %[[N:\d+]] = llvm.load %[[P1]]{{.*}} -> i64
// CHECK-NEXT: %[[P2:\d+]] = llvm.getelementptr %[[T]][16]
// CHECK-NEXT: %[[S:\d+]] = llvm.load %[[P2]]{{.*}} -> f32
// CHECK-NEXT: llvm.call @main(%[[X]], %[[N]], %[[S]])
// CHECK-NEXT: llvm.return
// CHECK: llvm.func @other(
// CHECK-NOT: by_table
llvm.func @main(%x: !llvm.ptr, %n: i64, %s: f32) {
  llvm.return
}
// OTHER: llvm.func @main(
// OTHER: llvm.func internal @other(
// OTHER: llvm.func @other.by_table(
llvm.func @other(%x: !llvm.ptr) {
  llvm.return
}
