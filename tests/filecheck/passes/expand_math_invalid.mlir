// RUN: not br-opt %s -p expand-math 2>&1 | filecheck %s

// CHECK: expand_math_invalid.mlir:5:3: 'math.exp': expected a scalar or 1-D vector of f16, bf16, f32 or f64, got vector<2x4xf32>
func.func @f(%x: vector<2x4xf32>) -> vector<2x4xf32> {
  %y = math.exp %x : vector<2x4xf32>
  func.return %y : vector<2x4xf32>
}
