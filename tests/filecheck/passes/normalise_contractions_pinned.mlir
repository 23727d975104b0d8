// RUN: br-opt %s -p generalise-linalg,normalise-contractions --split-input-file \
// RUN:   --verify-diagnostics | filecheck %s

// A schedule that was written on the operation by hand goes along.

// CHECK: br.contract {{.*}} schedule = #br.schedule<"B16 a8 | m=a n=b k=c">
func.func @pinned(%a: tensor<24x32xf32>, %b: tensor<32x48xf32>, %c: tensor<24x48xf32>)
    -> tensor<24x48xf32> {
  %r = linalg.matmul {br.schedule = #br.schedule<"B16 a8 | m=a n=b k=c">}
    ins(%a, %b : tensor<24x32xf32>, tensor<32x48xf32>)
    outs(%c : tensor<24x48xf32>) -> tensor<24x48xf32>
  func.return %r : tensor<24x48xf32>
}

// -----

// CHECK: 'linalg.generic': expected br.schedule on a matrix product or convolution of f32 or f64 (on a GPU, f16 or bf16 too); leave it out here
func.func @no_product(%a: tensor<24xf32>, %b: tensor<24xf32>, %c: tensor<24xf32>)
    -> tensor<24xf32> {
  %r = linalg.add {br.schedule = #br.schedule<"A | m=a">}
    ins(%a, %b : tensor<24xf32>, tensor<24xf32>)
    outs(%c : tensor<24xf32>) -> tensor<24xf32>
  func.return %r : tensor<24xf32>
}

// -----

// CHECK: 'linalg.generic': expected br.schedule = #br.schedule<"...">, got "B16"
func.func @text(%a: tensor<24x32xf32>, %b: tensor<32x48xf32>, %c: tensor<24x48xf32>)
    -> tensor<24x48xf32> {
  %r = linalg.matmul {br.schedule = "B16"}
    ins(%a, %b : tensor<24x32xf32>, tensor<32x48xf32>)
    outs(%c : tensor<24x48xf32>) -> tensor<24x48xf32>
  func.return %r : tensor<24x48xf32>
}
