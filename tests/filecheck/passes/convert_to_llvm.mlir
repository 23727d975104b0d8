// RUN: br-opt %s -p convert-to-llvm | filecheck %s
// RUN: br-opt %s -p convert-to-llvm -t llvmir | filecheck %s --check-prefix=IR

// An index is an i64. A memref is its pointer, then its dynamic sizes and strides.
// CHECK:      llvm.func @arguments(%a: !llvm.ptr {llvm.noalias}, %0: i64, %1: i64, %i: i64) -> i64
// CHECK-NEXT:   %{{.*}} = llvm.add %0, %i : i64
// IR-LABEL: define i64 @arguments(ptr noalias %a.0, i64 %{{.*}}, i64 %{{.*}}, i64 %i.{{.*}})
func.func @arguments(%a: memref<?x8xf32, strided<[?, 1], offset: ?>> {llvm.noalias},
                     %i: index) -> index {
  %c0 = arith.constant 0 : index
  %n = memref.dim %a, %c0 : memref<?x8xf32, strided<[?, 1], offset: ?>>
  %r = arith.addi %n, %i : index
  func.return %r : index
}

// An access is one address; what is known is computed here.
// CHECK-LABEL: llvm.func @access
// CHECK:         [[ROW:%.*]] = llvm.mul %i{{.*}}, %{{.*}} : i64
// CHECK-NEXT:    [[AT:%.*]] = llvm.getelementptr %a{{.*}}[[[ROW]]] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    [[X:%.*]] = llvm.getelementptr [[AT]][3] : (!llvm.ptr) -> !llvm.ptr, f32
// CHECK-NEXT:    llvm.load [[X]] {alignment = 4 : i64} : !llvm.ptr -> f32
// CHECK-NEXT:    [[Y:%.*]] = llvm.getelementptr [[AT]][4] : (!llvm.ptr) -> !llvm.ptr, f32
// CHECK-NEXT:    llvm.load [[Y]] {alignment = 16 : i64} : !llvm.ptr -> vector<4xf32>
// IR-LABEL: @access
// IR:         [[ROW:%.*]] = mul i64 %i.{{.*}}, 8
// IR-NEXT:    [[AT:%.*]] = getelementptr float, ptr %a.{{.*}}, i64 [[ROW]]
// IR-NEXT:    [[X:%.*]] = getelementptr float, ptr [[AT]], i32 3
// IR-NEXT:    load float, ptr [[X]], align 4
func.func @access(%a: memref<4x8xf32>, %i: index) -> (f32, vector<4xf32>) {
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %x = memref.load %a[%i, %c3] : memref<4x8xf32>
  %v = vector.load %a[%i, %c4] {alignment = 16 : i64} : memref<4x8xf32>, vector<4xf32>
  func.return %x, %v : f32, vector<4xf32>
}

// Private functions are internal, and inlined where they ask for it.
// CHECK-LABEL: llvm.func internal @callee
// IR-LABEL: define internal void @callee(ptr
// IR-SAME:    #[[ALWAYS:[0-9]+]] {
func.func private @callee(%a: memref<?xf32>) attributes {passthrough = ["alwaysinline"]} {
  func.return
}

// CHECK-LABEL: llvm.func @caller
// CHECK:         [[START:%.*]] = llvm.getelementptr %a{{.*}}[2]
// CHECK:         llvm.call @callee([[START]], [[SIZE:%.*]]) : (!llvm.ptr, i64) -> ()
// CHECK:         llvm.call @outside(%{{.*}}) : (i32) -> ()
// IR-LABEL: define void @caller
// IR:         call void @callee(ptr %{{.*}}, i64 4)
func.func @caller(%a: memref<8xf32>) {
  %s = memref.subview %a[2] [4] [1]
     : memref<8xf32> to memref<4xf32, strided<[1], offset: 2>>
  %d = memref.reinterpret_cast %s to offset: [2], sizes: [4], strides: [1]
     : memref<4xf32, strided<[1], offset: 2>> to memref<4xf32, strided<[1], offset: 2>>
  %c = memref.cast %s : memref<4xf32, strided<[1], offset: 2>> to memref<?xf32>
  func.call @callee(%c) : (memref<?xf32>) -> ()
  %one = arith.constant 1 : i32
  func.call @outside(%one) : (i32) -> ()
  func.return
}

// CHECK: llvm.func @outside(i32)
// IR:    declare void @outside(i32)
func.func private @outside(i32)

// CHECK-LABEL: llvm.func @allocations
// CHECK:         llvm.alloca %{{.*}} x f32 {alignment = 64 : i64}
// CHECK:         llvm.call @aligned_alloc([[ALIGN:%.*]], [[BYTES:%.*]]) : (i64, i64) -> !llvm.ptr
// CHECK:         llvm.call_intrinsic "llvm.memcpy"
// CHECK:         llvm.call @free
// IR-LABEL: define void @allocations
// IR:         alloca float, i64 16, align 64
// IR:         call ptr @aligned_alloc(i64 64, i64 64)
// IR:         call void @llvm.memcpy.p0.p0.i64(ptr %{{.*}}, ptr %{{.*}}, i64 12, i1 false)
func.func @allocations() {
  %s = memref.alloca() : memref<16xf32>
  %m = memref.alloc() : memref<3xf32>
  %t = memref.reinterpret_cast %s to offset: [0], sizes: [3], strides: [1]
     : memref<16xf32> to memref<3xf32>
  memref.copy %t, %m : memref<3xf32> to memref<3xf32>
  memref.dealloc %m : memref<3xf32>
  func.return
}

// A loop takes the stack space of what it allocates once.
// CHECK-LABEL: llvm.func @stack_in_a_loop
// CHECK:         llvm.alloca %{{.*}} x f32 {alignment = 128 : i64}
// CHECK-NEXT:    llvm.br
// CHECK-NOT:     llvm.alloca
// IR-LABEL: define void @stack_in_a_loop
func.func @stack_in_a_loop(%k: i1) {
  cf.br ^loop
^loop:
  %s = memref.alloca() {alignment = 128 : i64} : memref<16xf32>
  %p = "memref.extract_aligned_pointer_as_index"(%s) : (memref<16xf32>) -> index
  cf.cond_br %k, ^loop, ^end
^end:
  func.return
}

// Block arguments become phis; a branch to one block twice goes there by two ways.
// CHECK-LABEL: llvm.func @branches
// CHECK:         llvm.cond_br %k{{.*}}, ^[[B:.*]](%i{{.*}} : i64), ^[[B]](%j : i64)
// IR-LABEL: define i64 @branches
// IR:         br i1 %k{{.*}}, label %block1, label %[[BETWEEN:.*]]
// IR:       [[BETWEEN]]:
// IR-NEXT:    br label %block1
// IR:       block1:
// IR-NEXT:    phi i64 [ %i.{{.*}}, %entry ], [ %j.{{.*}}, %[[BETWEEN]] ]
func.func @branches(%k: i1, %i: index, %j: index) -> index {
  cf.cond_br %k, ^b(%i : index), ^b(%j : index)
^b(%x: index):
  func.return %x : index
}

// Each jump back says whether LLVM is to write out its loop.
// CHECK-LABEL: llvm.func @loops
// CHECK:         llvm.br ^[[ONE:.*]] {br.unroll}
// IR-LABEL: define void @loops
// IR:         br label %block1, !llvm.loop ![[FULL:\d+]]
// IR:         br i1 %k{{.*}}, label %block3, label %block4, !llvm.loop ![[DISABLE:\d+]]
func.func @loops(%k: i1) {
  cf.br ^one
^one:
  cf.cond_br %k, ^again, ^two
^again:
  cf.br ^one {br.unroll}
^two:
  cf.cond_br %k, ^two, ^end
^end:
  func.return
}

// CHECK: llvm.func @aligned_alloc(i64, i64) -> !llvm.ptr
// CHECK: llvm.func @free(!llvm.ptr)
// IR:    attributes #[[ALWAYS]] = { nounwind "target-cpu"="x86-64-v3" "prefer-vector-width"="256" alwaysinline }
// IR:    !1 = !{!"llvm.loop.unroll.disable"}
// IR:    !2 = !{!"llvm.loop.unroll.full"}
// IR:    ![[FULL]] = distinct !{![[FULL]], !2}
// IR:    ![[DISABLE]] = distinct !{![[DISABLE]], !1}
