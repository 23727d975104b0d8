// RUN: br-opt %s | br-opt | filecheck %s
// RUN: br-opt %s --print-op-generic | br-opt | filecheck %s
// RUN: br-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

// CHECK: br.parallel_call @body(%{{.*}}, %{{.*}} : memref<8xf32>, index) tasks %{{.*}} threads 2 : i64
// GENERIC: "br.parallel_call"(%{{.*}}, %{{.*}}, %{{.*}}) <{callee = @body, threads = 2 : i64}> : (memref<8xf32>, index, index) -> ()
func.func @main(%x: memref<8xf32>, %n: index) {
  br.parallel_call @body(%x, %n : memref<8xf32>, index) tasks %n threads 2 : i64
  func.return
}

// Nothing but the range is passed.
// CHECK: br.parallel_call @empty() tasks %{{.*}} threads 4 : i64
func.func @no_arguments(%n: index) {
  br.parallel_call @empty() tasks %n threads 4 : i64
  func.return
}

func.func private @body(%x: memref<8xf32>, %n: index, %begin: index, %end: index) {
  func.return
}

func.func private @empty(%begin: index, %end: index) {
  func.return
}
