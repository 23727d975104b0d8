// RUN: br-opt %s -p 'set-target{target=nvptx64-sm_80},convert-contract-to-grid,convert-linalg-to-grid,keep-kernels' --split-input-file --verify-diagnostics | filecheck %s

#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: 'br.contract': expected a schedule; run choose-schedule first
func.func private @unscheduled(%a: memref<7x4xf32>, %b: memref<4x6xf32>,
                               %c: memref<7x6xf32>) {
  br.contract ins(%a, %b : memref<7x4xf32>, memref<4x6xf32>) outs(%c : memref<7x6xf32>)
    {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                      affine_map<(m, n, k) -> (m, n)>],
     iterator_types = [#parallel, #parallel, #reduction]}
  func.return
}

// -----

// CHECK: 'linalg.generic': expected to be the only operation of a function; run outline-nests
func.func private @two(%x: memref<4xf32>, %z: f32) {
  linalg.fill ins(%z : f32) outs(%x : memref<4xf32>)
  linalg.fill ins(%z : f32) outs(%x : memref<4xf32>)
  func.return
}

// -----

// CHECK: 'func.func': expected a private function to be a kernel; run convert-contract-to-grid and convert-linalg-to-grid first
func.func private @nothing(%x: memref<4xf32>) {
  func.return
}
