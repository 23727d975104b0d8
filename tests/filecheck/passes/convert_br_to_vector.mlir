// RUN: br-opt %s -p convert-br-to-vector | filecheck %s

// 12 rows of 16 columns by 6 x 2 accumulators: two tiles of rows, one of columns. The
// accumulators are carried through the whole batch and all of k; C is read once and
// written once.
module attributes {br.target = #br.target<"x86-64-v3">} {

// CHECK-LABEL: @main(
// CHECK: func.call @br_kernel_0(%a, %b, %c) : (memref<3x12x3xf32>, memref<3x3x16xf32>, memref<12x16xf32>) -> ()
func.func @main(%a: memref<3x12x3xf32>, %b: memref<3x3x16xf32>, %c: memref<12x16xf32>) {
  br.batch_reduce_gemm ins(%a, %b : memref<3x12x3xf32>, memref<3x3x16xf32>)
    outs(%c : memref<12x16xf32>) {register_block = array<i64: 6, 2>}
  func.return
}
}

// CHECK-LABEL: func.func private @br_kernel_0(
// CHECK-SAME: %{{.*}}: memref<3x12x3xf32> {llvm.noalias}, %[[V1:\d+]]: memref<3x3x16xf32> {llvm.noalias}, %{{.*}}: memref<12x16xf32> {llvm.noalias}) {
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} = scf.for %[[V66:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V67:\d+]] = %{{.*}}, %[[V68:\d+]] = %{{.*}}, %[[V69:\d+]] = %{{.*}}, %[[V70:\d+]] = %{{.*}}, %[[V71:\d+]] = %{{.*}}, %[[V72:\d+]] = %{{.*}}, %[[V73:\d+]] = %{{.*}}, %[[V74:\d+]] = %{{.*}}, %[[V75:\d+]] = %{{.*}}, %[[V76:\d+]] = %{{.*}}, %[[V77:\d+]] = %{{.*}}, %[[V78:\d+]] = %{{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK: %[[V82:\d+]], %[[V83:\d+]], %[[V84:\d+]], %[[V85:\d+]], %[[V86:\d+]], %[[V87:\d+]], %[[V88:\d+]], %[[V89:\d+]], %[[V90:\d+]], %[[V91:\d+]], %[[V92:\d+]], %[[V93:\d+]] = scf.for %[[V94:\d+]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[V95:\d+]] = %[[V67]], %[[V96:\d+]] = %[[V68]], %[[V97:\d+]] = %[[V69]], %[[V98:\d+]] = %[[V70]], %[[V99:\d+]] = %[[V71]], %[[V100:\d+]] = %[[V72]], %[[V101:\d+]] = %[[V73]], %[[V102:\d+]] = %[[V74]], %[[V103:\d+]] = %[[V75]], %[[V104:\d+]] = %[[V76]], %[[V105:\d+]] = %[[V77]], %[[V106:\d+]] = %[[V78]]) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK: %[[V108:\d+]] = vector.load %[[V1]][%[[V66]], %[[V94]], %{{.*}}] : memref<3x3x16xf32>, vector<8xf32>
// CHECK: %[[V110:\d+]] = vector.load %[[V1]][%[[V66]], %[[V94]], %{{.*}}] : memref<3x3x16xf32>, vector<8xf32>
// CHECK: %[[V112:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V113:\d+]] = vector.fma %[[V112]], %[[V108]], %[[V95]] : vector<8xf32>
// CHECK: %[[V114:\d+]] = vector.fma %[[V112]], %[[V110]], %[[V96]] : vector<8xf32>
// CHECK: %[[V118:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V119:\d+]] = vector.fma %[[V118]], %[[V108]], %[[V97]] : vector<8xf32>
// CHECK: %[[V120:\d+]] = vector.fma %[[V118]], %[[V110]], %[[V98]] : vector<8xf32>
// CHECK: %[[V124:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V125:\d+]] = vector.fma %[[V124]], %[[V108]], %[[V99]] : vector<8xf32>
// CHECK: %[[V126:\d+]] = vector.fma %[[V124]], %[[V110]], %[[V100]] : vector<8xf32>
// CHECK: %[[V130:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V131:\d+]] = vector.fma %[[V130]], %[[V108]], %[[V101]] : vector<8xf32>
// CHECK: %[[V132:\d+]] = vector.fma %[[V130]], %[[V110]], %[[V102]] : vector<8xf32>
// CHECK: %[[V136:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V137:\d+]] = vector.fma %[[V136]], %[[V108]], %[[V103]] : vector<8xf32>
// CHECK: %[[V138:\d+]] = vector.fma %[[V136]], %[[V110]], %[[V104]] : vector<8xf32>
// CHECK: %[[V142:\d+]] = vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: %[[V143:\d+]] = vector.fma %[[V142]], %[[V108]], %[[V105]] : vector<8xf32>
// CHECK: %[[V144:\d+]] = vector.fma %[[V142]], %[[V110]], %[[V106]] : vector<8xf32>
// CHECK: scf.yield %[[V113]], %[[V114]], %[[V119]], %[[V120]], %[[V125]], %[[V126]], %[[V131]], %[[V132]], %[[V137]], %[[V138]], %[[V143]], %[[V144]] : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
// CHECK: scf.yield %[[V82]], %[[V83]], %[[V84]], %[[V85]], %[[V86]], %[[V87]], %[[V88]], %[[V89]], %[[V90]], %[[V91]], %[[V92]], %[[V93]] : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
