"""What --verify and --benchmark ask of a program: its meaning, and its operations.

Both need the program itself, read by the compiler, where running code that the cache
has needs neither: so br-run imports this when it is asked for one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from brdialect import reference, source
from brdialect.arrays import Array
from passes.program import flops
from runtime.cli.benchmark import Timing, time_calls
from runtime.compiler import Compiled
from runtime.host import host_target
from runtime.peak import PeakMeter
from runtime.program import Program, run_until
from runtime.signature import Shapes


def flops_of(program: Program, shapes: Shapes) -> int:
    """Floating-point operations of one call, in products."""
    module = program.specialised(shapes)
    run_until(module, program.target, "normalise-contractions")
    return flops.flops_of(module)


def benchmark(compiled: Compiled, program: Program, inputs: Sequence[Array]) -> Timing:
    """Times the machine code alone, on memory that is there before."""
    shapes = tuple(array.shape for array in inputs)
    if program.target.is_gpu:
        call = compiled.bound_on_device(inputs)
        return time_calls(call, flops_of(program, shapes), None)
    executable = compiled.executable(shapes)
    results, workspace = executable.results(inputs), executable.workspace(inputs)
    call = executable.bind(inputs, results, workspace)
    parameters = program.signature.parameters
    sizes = [p.dtype.itemsize for p in parameters if p.dtype.kind == "f"]
    meter = PeakMeter(
        host_target(program.target.threads), 8 if sizes and min(sizes) == 8 else 4
    )
    return time_calls(call, flops_of(program, shapes), meter.sample)


def run_reference(program: Program, inputs: Sequence[Array]) -> list[Array]:
    """What numpy gives in float64 for all arguments; memrefs are written in place."""
    free = tuple(inputs[i].shape for i in program.signature.free)
    module = program.specialised(free)
    blobs = source.resources(module)
    entry = program.signature.entry
    return [*reference.run(module, entry, inputs, resources=blobs)]
