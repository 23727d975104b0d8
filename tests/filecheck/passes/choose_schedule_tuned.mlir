// RUN: br-opt %s -p choose-schedule | filecheck %s
// RUN: br-opt %s -p choose-schedule 2>&1 >/dev/null \
// RUN:   | filecheck %s --check-prefix=WARN

// Tuned schedules stand on the module, each under the line that says what a contraction
// computes. They are taken away with the choice.

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#parallel = #linalg.iterator_type<parallel>
#reduction = #linalg.iterator_type<reduction>

// CHECK: builtin.module {
builtin.module attributes {br.tuned = {
  "f32: C[a,b] += A[a,c] * B[c,b], a=64 b=64 c=64" = "B32 A4 | m=a n=b k=c | tile=4x2",
  "f32: C[a,b] += A[a,c] * B[c,b], a=64 b=32 c=64" = "A | n=c",
  "f32: C[a,b] = A[a,c] * B[c,b], a=64 b=64 c=64" = "no schedule"}} {
  // CHECK: br.contract {{.*}}<"B32 A4 | m=a n=b k=c | tile=4x2"
  func.func @tuned(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>, %c: tensor<64x64xf32>)
      -> tensor<64x64xf32> {
    %r = br.contract ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
      outs(%c : tensor<64x64xf32>)
      {indexing_maps = [#mk, #kn, #mn],
       iterator_types = [#parallel, #parallel, #reduction]} -> tensor<64x64xf32>
    func.return %r : tensor<64x64xf32>
  }

  // One that does not fit is left out, with a warning.
  // WARN: warning: {{.*}}:34:5: 'br.contract': the tuned schedule "A | n=c" is left out: expected an iterator of role n for n=, got 'c' (64 trips); out of ['b']
  // CHECK: br.contract {{.*}} m=a n=b k=c
  func.func @unfit(%a: tensor<64x64xf32>, %b: tensor<64x32xf32>, %c: tensor<64x32xf32>)
      -> tensor<64x32xf32> {
    %r = br.contract ins(%a, %b : tensor<64x64xf32>, tensor<64x32xf32>)
      outs(%c : tensor<64x32xf32>)
      {indexing_maps = [#mk, #kn, #mn],
       iterator_types = [#parallel, #parallel, #reduction]} -> tensor<64x32xf32>
    func.return %r : tensor<64x32xf32>
  }

  // Another contraction: it does not read C.
  // WARN-NEXT: warning: {{.*}}: the tuned schedule "no schedule" is left out: expected a loop such as a, B or c16 in a schedule, got 'no'
  // CHECK: br.contract {{.*}} m=a n=b k=c
  func.func @other(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>, %c: tensor<64x64xf32>)
      -> tensor<64x64xf32> {
    %r = br.contract ins(%a, %b : tensor<64x64xf32>, tensor<64x64xf32>)
      outs(%c : tensor<64x64xf32>)
      {beta = 0.0 : f64, indexing_maps = [#mk, #kn, #mn],
       iterator_types = [#parallel, #parallel, #reduction]} -> tensor<64x64xf32>
    func.return %r : tensor<64x64xf32>
  }
}
