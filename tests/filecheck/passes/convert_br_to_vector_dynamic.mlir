// RUN: br-opt %s -p convert-br-to-vector,canonicalize | filecheck %s

// Rows and columns known at run time only: whole tiles, then single rows, and columns
// vector by vector under a mask of what is left.
module attributes {br.target = #br.target<"x86-64-v3">} {
// CHECK-LABEL: @dynamic(
func.func @dynamic(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>)
    outs(%c : memref<?x?xf32>) {register_block = array<i64: 2, 1>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %[[V0:\d+]]: memref<?x?xf32> {llvm.noalias}, %[[V1:\d+]]: memref<?x?xf32> {llvm.noalias}, %[[V2:\d+]]: memref<?x?xf32> {llvm.noalias}) {
// CHECK: %[[V3:\d+]] = arith.constant 0 : index
// CHECK: %[[V4:\d+]] = memref.dim %[[V2]], %[[V3]] : memref<?x?xf32>
// CHECK: %[[V5:\d+]] = arith.constant 1 : index
// CHECK: %[[V6:\d+]] = memref.dim %[[V2]], %[[V5]] : memref<?x?xf32>
// CHECK: %[[V7:\d+]] = arith.constant 0 : index
// CHECK: %[[V8:\d+]] = memref.dim %[[V1]], %[[V7]] : memref<?x?xf32>
// CHECK: %[[V9:\d+]] = arith.constant 8 : index
// CHECK: %[[V10:\d+]] = arith.divui %[[V6]], %[[V9]] : index
// CHECK: %[[V11:\d+]] = arith.constant 8 : index
// CHECK: %[[V12:\d+]] = arith.muli %[[V10]], %[[V11]] : index
// CHECK: %[[V13:\d+]] = arith.constant 2 : index
// CHECK: %[[V14:\d+]] = arith.divui %[[V4]], %[[V13]] : index
// CHECK: %[[V15:\d+]] = arith.constant 2 : index
// CHECK: %[[V16:\d+]] = arith.muli %[[V14]], %[[V15]] : index
// CHECK: %[[V17:\d+]] = arith.constant 0 : index
// CHECK: %[[V18:\d+]] = arith.constant 8 : index
// CHECK: scf.for %[[V25:\d+]] = %[[V17]] to %[[V12]] step %[[V18]] {
// CHECK: scf.for %[[V26:\d+]] = %{{\d+}} to %[[V16]] step %{{\d+}} {
// CHECK: %[[V28:\d+]] = vector.load %[[V2]][%[[V26]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: %[[V29:\d+]] = vector.load %[[V2]][%[[V27:\d+]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: %[[V30:\d+]], %[[V31:\d+]] = scf.for %[[V32:\d+]] = %{{\d+}} to %[[V8]] step %{{\d+}} iter_args(%{{.*}} = %[[V28]], %{{.*}} = %[[V29]]) -> (vector<8xf32>, vector<8xf32>) {
// CHECK: %{{.*}} = vector.load %[[V1]][%[[V32]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: vector.store %[[V30]], %[[V2]][%[[V26]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: vector.store %[[V31]], %[[V2]][%[[V27]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: scf.for %[[V49:\d+]] = %[[V16]] to %[[V4]] step %{{\d+}} {
// CHECK: %[[V50:\d+]] = vector.load %[[V2]][%[[V49]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: %[[V51:\d+]] = scf.for %[[V52:\d+]] = %{{\d+}} to %[[V8]] step %{{\d+}} iter_args(%{{.*}} = %[[V50]]) -> (vector<8xf32>) {
// CHECK: %{{.*}} = vector.load %[[V1]][%[[V52]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: vector.store %[[V51]], %[[V2]][%[[V49]], %[[V25]]] : memref<?x?xf32>, vector<8xf32>
// CHECK: scf.for %[[V69:\d+]] = %[[V12]] to %[[V6]] step %{{\d+}} {
// CHECK: scf.for %[[V70:\d+]] = %{{\d+}} to %[[V16]] step %{{\d+}} {
// CHECK: %[[V71:\d+]] = arith.subi %[[V6]], %[[V69]] : index
// CHECK: %[[V72:\d+]] = arith.minsi %[[V71]], %{{\d+}} : index
// CHECK: %[[V73:\d+]] = vector.create_mask %[[V72]] : vector<8xi1>
// CHECK: %[[V75:\d+]] = vector.maskedload %[[V2]][%[[V70]], %[[V69]]], %[[V73]], %{{.*}} : memref<?x?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK: %[[V76:\d+]] = vector.maskedload %[[V2]][%[[V74:\d+]], %[[V69]]], %[[V73]], %{{.*}} : memref<?x?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK: %[[V77:\d+]], %[[V78:\d+]] = scf.for %[[V79:\d+]] = %{{\d+}} to %[[V8]] step %{{\d+}} iter_args(%{{.*}} = %[[V75]], %{{.*}} = %[[V76]]) -> (vector<8xf32>, vector<8xf32>) {
// CHECK: %{{.*}} = vector.maskedload %[[V1]][%[[V79]], %[[V69]]], %[[V73]], %{{.*}} : memref<?x?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK: vector.maskedstore %[[V2]][%[[V70]], %[[V69]]], %[[V73]], %[[V77]] : memref<?x?xf32>, vector<8xi1>, vector<8xf32>
// CHECK: vector.maskedstore %[[V2]][%[[V74]], %[[V69]]], %[[V73]], %[[V78]] : memref<?x?xf32>, vector<8xi1>, vector<8xf32>
// CHECK: scf.for %[[V98:\d+]] = %[[V16]] to %[[V4]] step %{{\d+}} {
// CHECK: %[[V99:\d+]] = arith.subi %[[V6]], %[[V69]] : index
// CHECK: %[[V100:\d+]] = arith.minsi %[[V99]], %{{\d+}} : index
// CHECK: %[[V101:\d+]] = vector.create_mask %[[V100]] : vector<8xi1>
// CHECK: %[[V102:\d+]] = vector.maskedload %[[V2]][%[[V98]], %[[V69]]], %[[V101]], %{{.*}} : memref<?x?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK: %[[V103:\d+]] = scf.for %[[V104:\d+]] = %{{\d+}} to %[[V8]] step %{{\d+}} iter_args(%{{.*}} = %[[V102]]) -> (vector<8xf32>) {
// CHECK: %{{.*}} = vector.maskedload %[[V1]][%[[V104]], %[[V69]]], %[[V101]], %{{.*}} : memref<?x?xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK: vector.maskedstore %[[V2]][%[[V98]], %[[V69]]], %[[V101]], %[[V103]] : memref<?x?xf32>, vector<8xi1>, vector<8xf32>
