"""Files that no command line can make anything of, and what is said of each."""

from __future__ import annotations

ADD = """\
func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.add ins(%a, %a : tensor<4xf32>, tensor<4xf32>)
                  outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
"""
RESOURCE = """\
func.func @main() -> tensor<4xf32> {
  %w = arith.constant dense_resource<w> : tensor<4xf32>
  return %w : tensor<4xf32>
}
"""
_OPEN = """\
func.func @main(%n: index) -> tensor<?xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  return %f : tensor<?xf32>
}
"""
_WIDE = """\
func.func @main(%a: memref<9999xf32>) {
  %i = arith.constant 0 : index
  %v = vector.load %a[%i] : memref<9999xf32>, vector<9999xf32>
  vector.store %v, %a[%i] : memref<9999xf32>, vector<9999xf32>
  return
}
"""
_INTRINSIC = """\
func.func @main(%x: f32) -> f32 {
  %y = llvm.call_intrinsic "llvm.nonsense"(%x) : (f32) -> f32
  return %y : f32
}
"""
_ASSEMBLY = """\
func.func @main() {
  llvm.inline_asm has_side_effects "frobnicate", "" : () -> ()
  return
}
"""
_NESTED = '"test.op"() ({\n' * 2000 + "}) : () -> ()\n" * 2000


def _of(element: str) -> str:
    return ADD.replace("f32", element)


BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "{}:1:1: expected an operation, such as func.func"),
    "comments": ("// nothing\n// else\n", "{}:3:1: expected an operation"),
    "binary": (
        b"\x7fELF\x02\x01\n\xff\xfe\x00" * 9,
        "{}:2: expected MLIR text in UTF-8",
    ),
    "garbage": ("\x00\x01 )(", "{}:1:1: "),
    "cut": (ADD[:120], "{}:3:"),
    "no_parse": (ADD.replace("linalg.add ins", "linalg.add in"), "{}:3:"),
    "no_verify": (ADD.replace("%a : tensor", "%e : tensor<1xf32>, tensor"), "{}:3:"),
    "wrong_result": (ADD.replace("return %r", "return %z"), "not defined: [%z]"),
    "unknown_op": (ADD.replace("linalg.add", "linalg.frobnicate"), "{}:3:"),
    "unknown_dialect": (ADD.replace("linalg.add", "nonsense.add"), "{}:3:"),
    "unsupported_op": (
        'func.func @main(%a: f32) -> f32 {\n  %r = "test.op"(%a) : (f32) -> f32\n'
        "  return %r : f32\n}\n",
        "{}:2:3: 'test.op'",
    ),
    "f80": (_of("f80"), "f16, bf16, f32, f64, index, i1, i8, i16, i32 or i64, got"),
    "i7": (_of("i7"), "i7"),
    "complex": (_of("complex<f32>"), "complex<f32>"),
    "no_type": (_of("f33"), "{}:1:"),
    "negative": (ADD.replace("<4x", "<-4x"), "{}:1:"),
    "beyond_int64": (ADD.replace("<4x", "<99999999999999999999x"), "expected"),
    "constant_beyond_memory": (
        "func.func @main() {\n  %c = arith.constant dense<1.5> : "
        "tensor<1000000x1000000xf32>\n  return\n}\n",
        "{}:3:3: cannot parse this: what stands before it does not fit in memory",
    ),
    "open_size": (_OPEN, "': expected"),
    "unranked": (
        "func.func @main(%a: tensor<*xf32>) -> tensor<*xf32> {\n"
        "  return %a : tensor<*xf32>\n}\n",
        "tensor<*xf32>",
    ),
    "branches": (ADD.replace("  %e", "  cf.br ^on\n^on:\n  %e"), "expected one block"),
    "no_target": (
        'module attributes {br.target = #br.target<"vax">} {}\n',
        "{}:1:43: 'vax' is no known target (x86-64-v3, x86-64-v4, aarch64, nvptx64-sm_",
    ),
    "twice": (ADD + ADD, 'Redefinition of symbol "main"'),
    "nobody": (
        "func.func @main() {\n  func.call @nobody() : () -> ()\n  return\n}\n",
        "{}:2:3: 'func.call': '@nobody'",
    ),
    "nested": (f"func.func @main() {{\n{_NESTED}return\n}}\n", "expected"),
    "weights_cut": (
        RESOURCE + '{-# dialect_resources: { builtin: { w: "0x0400',
        "{}:5:",
    ),
    "wide_vector": (_WIDE, "{}:3:3: 'vector.load': convert-to-llvm: expected"),
    "intrinsic": (_INTRINSIC, "{}:2:3: 'llvm.call_intrinsic'"),
    "assembly": (_ASSEMBLY, "{}:2:3: 'llvm.inline_asm'"),
}
"""name -> (what the file holds, what the message says; {} stands for its name)"""
