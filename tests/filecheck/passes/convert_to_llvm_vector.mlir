// RUN: br-opt %s -p convert-to-llvm | filecheck %s
// RUN: br-opt %s -p convert-to-llvm -t llvmir | filecheck %s --check-prefix=IR

// A masked access may start outside of the memory: its address is not "inbounds".
// CHECK-LABEL: llvm.func @masks
// CHECK:         llvm.icmp "slt"
// CHECK-NEXT:    llvm.getelementptr %a{{.*}}[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT:    llvm.intr.masked.load {{.*}} {alignment = 4 : i32}
// CHECK-NEXT:    llvm.intr.masked.store {{.*}} {alignment = 4 : i32}
// IR-LABEL: define void @masks
// IR:         icmp slt <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
// IR-NEXT:    getelementptr float, ptr
// IR-NEXT:    call <8 x float> @llvm.masked.load.v8f32.p0(ptr %{{.*}}, i32 4, <8 x i1> %{{.*}}, <8 x float> zeroinitializer)
// IR-NEXT:    call void @llvm.masked.store.v8f32.p0(<8 x float> %{{.*}}, ptr %{{.*}}, i32 4, <8 x i1> %{{.*}})
func.func @masks(%a: memref<?xf32>, %i: index, %n: index) {
  %m = vector.create_mask %n : vector<8xi1>
  %z = arith.constant dense<0.0> : vector<8xf32>
  %x = vector.maskedload %a[%i], %m, %z
     : memref<?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
  vector.maskedstore %a[%i], %m, %x : memref<?xf32>, vector<8xi1>, vector<8xf32>
  func.return
}

// CHECK-LABEL: llvm.func @constant_mask
// CHECK-NEXT:    llvm.mlir.constant(dense<[true, true, true, false]> : vector<4xi1>)
func.func @constant_mask() -> vector<4xi1> {
  %c3 = arith.constant 3 : index
  %m = vector.create_mask %c3 : vector<4xi1>
  func.return %m : vector<4xi1>
}

// CHECK-LABEL: llvm.func @lanes
// CHECK:         llvm.insertelement
// CHECK:         llvm.shufflevector {{.*}} [0, 0, 0, 0] : vector<4xf32>
// CHECK:         llvm.shufflevector {{.*}} [3, 4]
// CHECK:         llvm.extractelement
// IR-LABEL: define float @lanes
// IR:         insertelement <4 x float> poison, float %x.{{.*}}, i64 0
// IR:         shufflevector <4 x float> %{{.*}}, <4 x float> poison, <4 x i32> <i32 0, i32 0, i32 0, i32 0>
// IR:         shufflevector <4 x float> %{{.*}}, <4 x float> %{{.*}}, <2 x i32> <i32 3, i32 4>
// IR:         extractelement <2 x float> %{{.*}}, i64 %i.{{.*}}
func.func @lanes(%x: f32, %v: vector<4xf32>, %i: index) -> f32 {
  %b = vector.broadcast %x : f32 to vector<4xf32>
  %s = vector.shuffle %b, %v [3, 4] : vector<4xf32>, vector<4xf32>
  %y = vector.extract %s[%i] : f32 from vector<2xf32>
  func.return %y : f32
}

// A sum of floats runs from left to right unless it may be reordered.
// CHECK-LABEL: llvm.func @reductions
// CHECK:         llvm.call_intrinsic "llvm.vector.reduce.fadd"
// CHECK:         llvm.call_intrinsic "llvm.vector.reduce.fmaximum"
// IR-LABEL: define float @reductions
// IR:         call float @llvm.vector.reduce.fadd.v4f32(float 0x8000000000000000, <4 x float>
// IR:         call reassoc float @llvm.vector.reduce.fadd.v4f32(float %{{.*}}, <4 x float>
// IR:         call float @llvm.vector.reduce.fmaximum.v4f32(<4 x float>
// IR:         call float @llvm.maximum.f32(
func.func @reductions(%v: vector<4xf32>) -> f32 {
  %0 = vector.reduction <add>, %v : vector<4xf32> into f32
  %1 = vector.reduction <add>, %v, %0 fastmath<reassoc> : vector<4xf32> into f32
  %2 = vector.reduction <maximumf>, %v, %1 : vector<4xf32> into f32
  func.return %2 : f32
}

// CHECK-LABEL: llvm.func @transfers
// CHECK:         llvm.load {{.*}} -> vector<4xf32>
// CHECK:         llvm.store
func.func @transfers(%a: memref<8x4xf32>, %i: index) {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %x = vector.transfer_read %a[%i, %c0], %z {in_bounds = [true]}
     : memref<8x4xf32>, vector<4xf32>
  vector.transfer_write %x, %a[%c0, %c0] {in_bounds = [true]}
     : vector<4xf32>, memref<8x4xf32>
  func.return
}
