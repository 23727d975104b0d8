// RUN: br-opt %s -p lower-scf-to-cf | filecheck %s

// CHECK-LABEL: func.func @for_loop
// CHECK:         cf.br ^[[HEAD:.*]](%lb, %a : index, f32)
// CHECK-NEXT:  ^[[HEAD]](%i: index, %r: f32):
// CHECK-NEXT:    [[MORE:%.*]] = arith.cmpi slt, %i, %ub : index
// CHECK-NEXT:    cf.cond_br [[MORE]], ^[[BODY:.*]], ^[[AFTER:.*]]
// CHECK-NEXT:  ^[[BODY]]:
// CHECK-NEXT:    %y = arith.addf %r, %r : f32
// CHECK-NEXT:    [[NEXT:%.*]] = arith.addi %i, %step overflow<nsw> : index
// CHECK-NEXT:    cf.br ^[[HEAD]]([[NEXT]], %y : index, f32)
// CHECK-NEXT:  ^[[AFTER]]:
// CHECK-NEXT:    func.return %r : f32
func.func @for_loop(%lb: index, %ub: index, %step: index, %a: f32) -> f32 {
  %r = scf.for %i = %lb to %ub step %step iter_args(%x = %a) -> (f32) {
    %y = arith.addf %x, %x : f32
    scf.yield %y : f32
  }
  func.return %r : f32
}

// CHECK-LABEL: func.func @branches
// CHECK:         cf.cond_br %k, ^[[THEN:.*]], ^[[ELSE:.*]]
// CHECK-NEXT:  ^[[THEN]]:
// CHECK-NEXT:    cf.br ^[[AFTER:.*]](%a : f32)
// CHECK-NEXT:  ^[[ELSE]]:
// CHECK-NEXT:    cf.br ^[[AFTER]](%b : f32)
// CHECK-NEXT:  ^[[AFTER]](%r: f32):
// CHECK-NEXT:    cf.cond_br %k, ^[[ONLY:.*]], ^[[END:.*]]
// CHECK-NEXT:  ^[[ONLY]]:
// CHECK-NEXT:    "test.op"() : () -> ()
// CHECK-NEXT:    cf.br ^[[END]]
// CHECK-NEXT:  ^[[END]]:
// CHECK-NEXT:    func.return %r : f32
func.func @branches(%k: i1, %a: f32, %b: f32) -> f32 {
  %r = scf.if %k -> (f32) {
    scf.yield %a : f32
  } else {
    scf.yield %b : f32
  }
  scf.if %k {
    "test.op"() : () -> ()
  }
  func.return %r : f32
}

// CHECK-LABEL: func.func @while_loop
// CHECK:         cf.br ^[[TEST:.*]](%a : f32)
// CHECK-NEXT:  ^[[TEST]](%x: f32):
// CHECK-NEXT:    %k = "test.op"(%x) : (f32) -> i1
// CHECK-NEXT:    cf.cond_br %k, ^[[BODY:.*]](%x : f32), ^[[AFTER:.*]](%x : f32)
// CHECK-NEXT:  ^[[BODY]](%y: f32):
// CHECK-NEXT:    cf.br ^[[TEST]](%y : f32)
// CHECK-NEXT:  ^[[AFTER]](%r: f32):
func.func @while_loop(%a: f32) -> f32 {
  %r = scf.while (%x = %a) : (f32) -> f32 {
    %k = "test.op"(%x) : (f32) -> i1
    scf.condition(%k) %x : f32
  } do {
  ^bb0(%y: f32):
    scf.yield %y : f32
  }
  func.return %r : f32
}

// All 64 bits of the index count.
// CHECK-LABEL: func.func @index_switch
// CHECK:         [[I:%.*]] = arith.index_cast %i : index to i64
// CHECK-NEXT:    cf.switch [[I]] : i64, [
// CHECK-NEXT:    default: ^[[DEFAULT:.*]],
// CHECK-NEXT:      4294967296: ^[[CASE:.*]]
// CHECK:       ^[[DEFAULT]]:
// CHECK-NEXT:    cf.br ^[[AFTER:.*]](%b : f32)
// CHECK-NEXT:  ^[[CASE]]:
// CHECK-NEXT:    cf.br ^[[AFTER]](%a : f32)
func.func @index_switch(%i: index, %a: f32, %b: f32) -> f32 {
  %r = scf.index_switch %i -> f32
  case 4294967296 {
    scf.yield %a : f32
  }
  default {
    scf.yield %b : f32
  }
  func.return %r : f32
}

// CHECK-LABEL: func.func @region
// CHECK:         cf.br ^[[IN:.*]]
// CHECK-NEXT:  ^[[IN]]:
// CHECK-NEXT:    cf.cond_br %k, ^[[ONE:.*]], ^[[TWO:.*]]
// CHECK-NEXT:  ^[[ONE]]:
// CHECK-NEXT:    cf.br ^[[AFTER:.*]](%a : f32)
// CHECK-NEXT:  ^[[TWO]]:
// CHECK-NEXT:    cf.br ^[[AFTER]](%b : f32)
func.func @region(%k: i1, %a: f32, %b: f32) -> f32 {
  %r = scf.execute_region -> (f32) {
    cf.cond_br %k, ^one, ^two
  ^one:
    scf.yield %a : f32
  ^two:
    scf.yield %b : f32
  }
  func.return %r : f32
}

// LLVM looks for what a loop asks for at its jump back.
// CHECK-LABEL: func.func @written_out
// CHECK:         cf.br ^[[HEAD:.*]](%n : index)
// CHECK:         cf.br ^[[HEAD]](%{{.*}} : index) {br.unroll}
func.func @written_out(%n: index) {
  scf.for %i = %n to %n step %n {
  } {br.unroll}
  func.return
}

// CHECK-LABEL: func.func @nested
// CHECK-NOT:     scf.
func.func @nested(%n: index, %k: i1) {
  scf.for %i = %n to %n step %n {
    scf.for %j = %n to %n step %n {
      scf.if %k {
        "test.op"() : () -> ()
      }
    }
    scf.for %j = %n to %n step %n {
    }
  }
  func.return
}
