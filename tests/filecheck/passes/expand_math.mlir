// RUN: br-opt %s -p expand-math | filecheck %s

// exp: n = round(x / ln 2) by adding 1.5 * 2^23, x - n ln 2 in two parts, a polynomial by
// fused multiply-adds, 2^n from its exponent bits in two halves. No branch, no call.
// CHECK-LABEL: func.func @exp
// CHECK-NOT:   math.exp
// CHECK:       [[TOO_BIG:%.*]] = arith.cmpf ogt, %x, %{{.*}} : vector<8xf32>
// CHECK:       arith.select [[TOO_BIG]], %{{.*}}, %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK:       arith.constant dense<0x4B400000>
// CHECK:       math.fma
// CHECK:       arith.bitcast %{{.*}} : vector<8xf32> to vector<8xi32>
// CHECK:       arith.shrsi
// CHECK:       arith.shli
// CHECK-NEXT:  arith.bitcast %{{.*}} : vector<8xi32> to vector<8xf32>
// CHECK:       %y = arith.mulf
// CHECK-NEXT:  func.return %y : vector<8xf32>
func.func @exp(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x : vector<8xf32>
  func.return %y : vector<8xf32>
}

// f16 is computed in f32, sinh of f32 in f64.
// CHECK-LABEL: func.func @widened
// CHECK:       [[WIDE:%.*]] = arith.extf %x : f16 to f32
// CHECK:       [[Y:%.*]] = arith.truncf %{{.*}} : f32 to f16
// CHECK:       arith.extf %z : vector<4xf32> to vector<4xf64>
// CHECK:       [[W:%.*]] = arith.truncf %{{.*}} : vector<4xf64> to vector<4xf32>
// CHECK-NEXT:  func.return [[Y]], [[W]] : f16, vector<4xf32>
func.func @widened(%x: f16, %z: vector<4xf32>) -> (f16, vector<4xf32>) {
  %y = math.rsqrt %x : f16
  %w = math.sinh %z : vector<4xf32>
  func.return %y, %w : f16, vector<4xf32>
}

// What the machine has stays.
// CHECK-LABEL: func.func @kept
// CHECK-NEXT:  math.sqrt
// CHECK-NEXT:  math.absf
// CHECK-NEXT:  math.fma
// CHECK-NEXT:  func.return
func.func @kept(%x: f32) -> f32 {
  %a = math.sqrt %x : f32
  %b = math.absf %a : f32
  %c = math.fma %a, %b, %x : f32
  func.return %c : f32
}
