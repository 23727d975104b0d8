// RUN: br-opt %s | br-opt | filecheck %s

// A schedule is one line. It is printed in one spelling: steps of 1 are left out, the
// parts stand in their order, the letters of roles are small.

// CHECK: loops = #br.schedule<"A B8 c256 b16 | m=a n=b k=c">
"test.op"() {loops = #br.schedule<"A1   B8 c256 b16 | k=c m=a n=b">} : () -> ()

// CHECK: all = #br.schedule<"D16 A b | m=c n=d k=g batch=e,f | tile=6x2 | pack=a6,b16">
"test.op"() {
  all = #br.schedule<"D16 A b | tile=6x2 pack=b16,a6 | batch=e,f m=c n=d k=g">
} : () -> ()

// No loops: the whole contraction is one call.
// CHECK: one_call = #br.schedule<" | m=a n=b k=c">
"test.op"() {one_call = #br.schedule<"| m=A n=B k=C">} : () -> ()

// Rows and the sum may be missing.
// CHECK: no_rows = #br.schedule<"a | n=b">
"test.op"() {no_rows = #br.schedule<"a | n=b">} : () -> ()

// A GPU's: rows that several iterators count, and what a thread block does.
// CHECK: block = #br.schedule<"D | m=c n=e k=f rows=a,b batch=g | block=64x32x16 warp=32x16 stages=4 order=8 math=exact">
// CHECK-SAME: tile = #br.tile<"block=64x32x16 warp=32x16 stages=4">
"test.op"() {
  block = #br.schedule<"D | rows=a,b m=c n=e k=f batch=g | math=exact order=8 stages=4 block=64x32x16 warp=32x16">,
  tile = #br.tile<"stages=4 block=64x32x16 warp=32x16 order=1">
} : () -> ()
