// RUN: br-opt %s --split-input-file --parsing-diagnostics 2>&1 | filecheck %s

// CHECK: schedule_invalid.mlir:5
// CHECK: expected a loop such as a, B or c16 in a schedule, got 'a,b'
"test.op"() {s = #br.schedule<"a,b | m=a">} : () -> ()

// -----

// CHECK: expected a loop such as a, B or c16 in a schedule, got 'a0'
"test.op"() {s = #br.schedule<"a0 | m=a">} : () -> ()

// -----

// CHECK: expected m=, n=, k=, rows=, batch=, block=, warp=, stages=, order=, split=, mma=, copy=, math=, tile=, pack=, prefetch= or skip= in a schedule, got 'lines=a' in "a b | lines=a n=b"
"test.op"() {s = #br.schedule<"a b | lines=a n=b">} : () -> ()

// -----

// CHECK: expected m=, n=, k=, rows=, batch=, block=, warp=, stages=, order=, split=, mma=, copy=, math=, tile=, pack=, prefetch= or skip= in a schedule, got 'm' in "a b | m a"
"test.op"() {s = #br.schedule<"a b | m a">} : () -> ()

// -----

// CHECK: expected an iterator's letter in a schedule, got 'ab'
"test.op"() {s = #br.schedule<"a b | m=ab">} : () -> ()

// -----

// CHECK: expected an iterator's letter in a schedule, got '1'
"test.op"() {s = #br.schedule<"a b | batch=c,1">} : () -> ()

// -----

// CHECK: expected tile=ROWSxVECTORS in a schedule, got 'tile=6'
"test.op"() {s = #br.schedule<"a b | m=a tile=6">} : () -> ()

// -----

// CHECK: expected tile=ROWSxVECTORS in a schedule, got 'tile=0x2'
"test.op"() {s = #br.schedule<"a b | m=a tile=0x2">} : () -> ()

// -----

// CHECK: expected pack=aROWS or pack=bCOLUMNS, got 'pack=c16'
"test.op"() {s = #br.schedule<"a b | m=a pack=c16">} : () -> ()

// -----

// CHECK: string literal expected
"test.op"() {s = #br.schedule<a>} : () -> ()

// -----

// CHECK: expected warp=, stages= beside the tile's other words
"test.op"() {s = #br.schedule<"| m=a n=b k=c | block=64x64x16">} : () -> ()

// -----

// CHECK: expected block=MxNxK in a schedule, got 'block=64x64'
"test.op"() {s = #br.schedule<"| m=a n=b | block=64x64 warp=32x32 stages=3">} : () -> ()

// -----

// CHECK: expected math=exact, got 'math=fast'
"test.op"() {
  s = #br.schedule<"| m=a n=b | block=64x64x8 warp=32x32 stages=3 math=fast">
} : () -> ()

// -----

// CHECK: expected block=, warp=, stages=, order=, split=, mma=, copy=, math= in a tile, got 'rows'
"test.op"() {s = #br.tile<"rows=2">} : () -> ()
