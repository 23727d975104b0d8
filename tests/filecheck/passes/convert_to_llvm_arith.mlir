// RUN: br-opt %s -p convert-to-llvm | filecheck %s
// RUN: br-opt %s -p convert-to-llvm -t llvmir | filecheck %s --check-prefix=IR

// Fast-math flags stay, and NaN goes through maximumf but not through maxnumf.
// CHECK-LABEL: llvm.func @floats
// CHECK:         llvm.fadd %x, %y {fastmathFlags = #llvm.fastmath<contract>} : vector<8xf32>
// CHECK-NEXT:    llvm.call_intrinsic "llvm.maximum"
// CHECK-NEXT:    llvm.call_intrinsic "llvm.minnum"
// CHECK-NEXT:    llvm.fcmp "olt"
// CHECK-NEXT:    llvm.select
// CHECK-NEXT:    llvm.call_intrinsic "llvm.fma"
// IR-LABEL: define <8 x float> @floats(<8 x float> %x.{{.*}}, <8 x float> %y.{{.*}})
// IR:         fadd contract <8 x float>
// IR-NEXT:    call <8 x float> @llvm.maximum.v8f32(<8 x float>
// IR-NEXT:    call nnan <8 x float> @llvm.minnum.v8f32(<8 x float>
// IR-NEXT:    fcmp olt <8 x float>
// IR-NEXT:    select <8 x i1>
// IR-NEXT:    call <8 x float> @llvm.fma.v8f32(
func.func @floats(%x: vector<8xf32>, %y: vector<8xf32>) -> vector<8xf32> {
  %0 = arith.addf %x, %y fastmath<contract> : vector<8xf32>
  %1 = arith.maximumf %0, %y : vector<8xf32>
  %2 = arith.minnumf %1, %y fastmath<nnan> : vector<8xf32>
  %3 = arith.cmpf olt, %1, %2 : vector<8xf32>
  %4 = arith.select %3, %0, %1 : vector<8xi1>, vector<8xf32>
  %5 = math.fma %4, %y, %x : vector<8xf32>
  func.return %5 : vector<8xf32>
}

// Constants stand where they are used, and are exact.
// IR-LABEL: define float @constants(float %x.{{.*}})
// IR:         fadd float %x.{{.*}}, 0x3FB99999A0000000
// IR:         fadd <2 x float> <float 0x3FF8000000000000, float 0xC004000000000000>
// CHECK-LABEL: llvm.func @constants
// CHECK-NEXT:    llvm.mlir.constant(1.000000e-01 : f32) : f32
func.func @constants(%x: f32) -> f32 {
  %c = arith.constant 0.1 : f32
  %0 = arith.addf %x, %c : f32
  %v = arith.constant dense<[1.5, -2.5]> : vector<2xf32>
  %1 = vector.broadcast %0 : f32 to vector<2xf32>
  %2 = arith.addf %v, %1 : vector<2xf32>
  %3 = vector.extract %2[1] : f32 from vector<2xf32>
  func.return %3 : f32
}

// bf16 is stored, and computed with as f32: no call of the compiler's library.
// CHECK-LABEL: llvm.func @bf16
// CHECK-NOT:     llvm.fpext
// CHECK:         llvm.fmul {{.*}} : f32
// CHECK-NOT:     llvm.fptrunc
// CHECK:         llvm.bitcast {{.*}} : i16 to bf16
// IR-LABEL: define bfloat @bf16(
func.func @bf16(%x: bf16) -> bf16 {
  %0 = arith.mulf %x, %x : bf16
  func.return %0 : bf16
}

// CHECK-LABEL: llvm.func @integers
// CHECK:         llvm.add %i, %j overflow<nsw> : i64
// CHECK-NEXT:    llvm.trunc {{.*}} : i64 to i32
// CHECK-NEXT:    llvm.icmp "ult"
// CHECK-NEXT:    llvm.zext
// CHECK-NEXT:    llvm.call_intrinsic "llvm.smax"
// CHECK-NEXT:    llvm.uitofp
// IR-LABEL: define float @integers
// IR:         add nsw i64
// IR-NEXT:    trunc i64 %{{.*}} to i32
// IR-NEXT:    icmp ult i32
// IR-NEXT:    zext i1 %{{.*}} to i32
// IR-NEXT:    call i32 @llvm.smax.i32(i32
// IR-NEXT:    uitofp i32 %{{.*}} to float
func.func @integers(%i: index, %j: index, %k: i32) -> f32 {
  %0 = arith.addi %i, %j overflow<nsw> : index
  %1 = arith.index_cast %0 : index to i32
  %2 = arith.cmpi ult, %1, %k : i32
  %3 = arith.extui %2 : i1 to i32
  %4 = arith.maxsi %3, %1 : i32
  %5 = arith.uitofp %4 : i32 to f32
  func.return %5 : f32
}
