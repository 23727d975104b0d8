// RUN: br-opt %s -p convert-linalg-to-vector | filecheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d1)>

// The rows are shared out, each thread's columns are a plain loop.
// CHECK-LABEL: func.func @rows
// CHECK:         scf.parallel (%{{.*}}) = (%{{.*}}) to (%{{.*}}) step (%{{.*}}) {
// CHECK:           scf.for
// CHECK:             vector.store
// CHECK-LABEL: func.func @one_long_loop
// CHECK:         scf.parallel
// CHECK-NOT:       scf.for
// CHECK:           vector.store
// CHECK:         vector.maskedstore
// CHECK-LABEL: func.func @small
// CHECK-NOT:     scf.parallel
module attributes {br.target = #br.target<"x86-64-v4", threads = 2>} {
  func.func @rows(%x: memref<512x512xf32>, %b: memref<512xf32>) {
    linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]}
    ins(%b : memref<512xf32>) outs(%x : memref<512x512xf32>) {
    ^bb0(%c: f32, %out: f32):
      linalg.yield %c : f32
    }
    func.return
  }
  func.func @one_long_loop(%c: f32, %x: memref<40007xf32>) {
    linalg.fill ins(%c : f32) outs(%x : memref<40007xf32>)
    func.return
  }
  func.func @small(%c: f32, %x: memref<4000xf32>) {
    linalg.fill ins(%c : f32) outs(%x : memref<4000xf32>)
    func.return
  }
}
