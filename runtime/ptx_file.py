"""`br-compile -o OUT.ptx`: kernels to keep, with what is needed to launch them.

OUT.ptx begins with the plan for people; OUT.json is the plan as data, and OUT.npz holds
the weights that its `once` launches take, if there are any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brdialect.launch_plan import TensorMap, flattened
from brdialect.targets import Target
from runtime.arguments import Parameter
from runtime.device_executable import DeviceCode

_HEADER = """\
// Made by br-compile from {source} for {target}.
//
// Kernels: blocks in the grid, threads of a block, bytes of dynamic shared memory (more
// than 49152: cuFuncSetAttribute, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES).
// Buffers are dense and row-major, at multiples of 16 bytes.
{maps}//
{plan}
//
// Buffers:
{buffers}

"""


_MAPS = """\
// A tensor map is the address of 128 bytes at a multiple of 64 on the device, copied
// there before the launch: what cuTensorMapEncodeTiled makes, or of pixels with corners
// and steps cuTensorMapEncodeIm2col (the steps are element strides; others are 1), for
// the buffer's own address. The last size and stride here is the driver's first one;
// strides are in elements; no interleave, SWIZZLE_128B, OOB_FILL_NONE.
"""


def buffers_of(
    code: DeviceCode, parameters: Sequence[Parameter]
) -> Mapping[str, Mapping[str, Any]]:
    """What each buffer of the plan holds."""

    def array(shape: Sequence[int | None], dtype: object) -> Mapping[str, Any]:
        return {"shape": list(shape), "dtype": str(np.dtype(str(dtype)))}

    found = {f"argument {i}": array(p.shape, p.dtype) for i, p in enumerate(parameters)}
    for i, (shape, dtype) in enumerate(code.interface.results):
        found[f"result {i}"] = array(shape, dtype)
    for i, weight in enumerate(code.weights):
        found[f"weight {i}"] = array(weight.shape, weight.dtype)
    for i, size in enumerate(code.plan.packed_bytes):
        found[f"packed {i}"] = {"bytes": size}
    return found | {"arena": {"bytes": code.plan.arena_bytes}}


def header(
    code: DeviceCode, parameters: Sequence[Parameter], source: str, target: Target
) -> str:
    """The comment that a PTX file begins with."""
    lines: list[str] = []
    for name, buffer in buffers_of(code, parameters).items():
        if "bytes" in buffer:
            text = f"{buffer['bytes']} bytes"
        else:
            text = "x".join([*map(str, buffer["shape"]), buffer["dtype"]])
        lines.append(f"//   {name}: {text}")
    every = [x for x, _ in flattened([*code.plan.load, *code.plan.run])]
    has_maps = any(isinstance(a, TensorMap) for x in every for a in x.arguments)
    return _HEADER.format(
        source=source,
        target=target.name,
        plan=code.plan,
        buffers="\n".join(lines),
        maps=_MAPS if has_maps else "",
    )


def write(
    code: DeviceCode,
    parameters: Sequence[Parameter],
    source: str,
    target: Target,
    output: Path,
) -> list[Path]:
    """The files beside each other; `output` is the PTX."""
    text = header(code, parameters, source, target)
    output.write_text(text + code.ptx)
    plan = output.with_suffix(".json")
    data = {**code.plan.to_json(), "buffers": buffers_of(code, parameters)}
    plan.write_text(json.dumps(data, indent=1) + "\n")
    made = [output, plan]
    if code.weights:
        weights = output.with_suffix(".npz")
        arrays = {f"weight {i}": w for i, w in enumerate(code.weights)}
        with weights.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        made.append(weights)
    return made
