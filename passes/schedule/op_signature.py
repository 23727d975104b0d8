"""One readable line that is the same for contractions that one schedule serves.

    f32: C[a,b] = A[a,c] * B[b,c], a=3136 b=64 c=576, B at load time
    f32: C[a,b,c,d] = A[a,2b+e,2c+f,g] * B[d,e,f,g], a=1 b=28 c=28 d=128 e=1 f=1 g=256
    f32: C[a,b,c] = A[a,b+d,e] * B[c,d,e], a=1 b=9 c=8 d=3 e=4, zeros 0,1,0 A 0,1,0

Element type, extents, how each operand is read, what is there before a call, and how
many zeros are before and after each dimension of A. Names,
the place in the graph and the epilogue, of which the share of the time is the same
under all schedules, are not in it. The letters are those of `br.schedule`.
"""

from __future__ import annotations

from collections.abc import Sequence

from brdialect.ops import ContractOp
from brdialect.roles import Blocked, Form, Linear, forms_of
from brdialect.schedule import LETTERS
from passes.normalise.normalise_contractions import contraction_of
from passes.shared.linalg_match import zero_padding
from passes.shared.load_time import is_load_time


def signature(op: ContractOp) -> str | None:
    """The line of a contraction on tensors; None where its maps are not plain or its
    sizes not known."""
    table = contraction_of((op.a, op.b, op.c), op.maps)
    if table is None or any(e < 0 for e in table.extents):
        return None
    forms = [forms_of(m) for m in op.maps[:3]]
    a, b, c = (_subscripts(f) for f in forms if f is not None)
    of_a, _, of_c = (t.element_type for t in op.shapes)
    element = str(of_c) if of_a == of_c else f"{of_a} to {of_c}"
    sizes = " ".join(f"{LETTERS[i]}={e}" for i, e in enumerate(table.extents))
    assign = "+=" if op.beta_value else "="
    words = [f"{element}: C{c} {assign} A{a} * B{b}", sizes]
    operands = (("A", op.a), ("B", op.b))
    words += [f"{x} at load time" for x, v in operands if is_load_time(v)]
    if (padding := zero_padding(op.a)) is not None:
        low, high = (",".join(map(str, x)) for x in (padding.low, padding.high))
        words.append(f"zeros {low} A {high}")
    return ", ".join(words)


def _subscripts(forms: Sequence[Form]) -> str:
    return f"[{','.join(map(_subscript, forms))}]"


def _subscript(form: Form) -> str:
    """`2b+e+1`, or `b/16` and `b%16` of an operand in panels."""
    if isinstance(form, Blocked):
        return f"{LETTERS[form.iterator]}{'/' if form.outer else '%'}{form.block}"
    assert isinstance(form, Linear)
    terms = [
        ("" if form.coefficients[i] == 1 else str(form.coefficients[i])) + LETTERS[i]
        for i in form.iterators
    ]
    if form.constant or not terms:
        terms.append(str(form.constant))
    return "+".join(terms).replace("+-", "-")
