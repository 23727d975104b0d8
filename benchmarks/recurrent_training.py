"""What harness_peer.py times of training: the gradients of an LSTM layer, and whole
steps of a stack of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.context import Context

from brdialect.arrays import Array
from brdialect.optimizers import SGD
from brdialect.reference import find_entry
from brdialect.source import parse_module
from passes.differentiate import FORWARD, DifferentiatePass
from runtime.cli.bench.own import aligned_copy
from runtime.cli.bench.workloads import Recurrent
from runtime.compiler import compile
from runtime.training.step import train_step


def type_of(*shape: int) -> str:
    """`tensor<2x3xf32>`"""
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def layer_program(work: Recurrent) -> str:
    """@main: x, w, r, b, rb to all hidden states."""
    types = {name: type_of(*shape) for name, shape in work.shapes().items()}
    y, state = type_of(*work.result), type_of(1, work.n, work.k)
    arguments = ", ".join(f"%{name}: {t}" for name, t in types.items())
    ins = ", ".join(types[name] for name in ("x", "w", "r"))
    return f"""func.func @main({arguments}) -> {y} {{
      %y, %h, %c = br.lstm ins(%x, %w, %r : {ins})
        bias(%b : {types["b"]}) recurrent_bias(%rb : {types["rb"]})
        -> ({y}, {state}, {state})
      func.return %y : {y}
    }}"""


class LayerGradients:
    """Calling it computes dx, dw, dr and db of a layer from the gradient of all hidden
    states; the forward part has run before, the weights are packed ahead."""

    def __init__(self, work: Recurrent, threads: int):
        module = parse_module(layer_program(work))
        DifferentiatePass("main", (0, 1, 2, 3)).apply(Context(), module)
        inputs = work.inputs()
        dy = np.random.default_rng(1).standard_normal(work.result, np.float32)
        self.inputs: Mapping[str, Array] = inputs | {"dy": dy}
        """Plain-layout arrays."""
        forward = compile(str(module), entry="main" + FORWARD, threads=threads)
        _, *saved = forward(*inputs.values())
        for name in ("main", "main" + FORWARD):
            find_entry(module, name).detach()
        weights = {i: a for i, a in enumerate(inputs.values()) if i in (1, 2)}
        backward = compile(module, threads=threads, constants=weights)
        given = [a for i, a in enumerate(inputs.values()) if i not in weights]
        self._arguments = [aligned_copy(a) for a in (*given, *saved, dy)]
        executable = backward.executable(tuple(a.shape for a in self._arguments))
        self._results = executable.results(self._arguments)
        workspace = executable.workspace(self._arguments)
        self._call = executable.bind(self._arguments, self._results, workspace)

    def __call__(self) -> None:
        self._call()

    def output(self) -> dict[str, Array]:
        """dx, dw, dr and db of the latest call."""
        names = ("dx", "dw", "dr", "db")
        return {n: a.copy() for n, a in zip(names, self._results, strict=True)}


class StackSteps:
    """Calling it takes one step of SGD in a stack of layers of equal sizes, given the
    gradient of all hidden states of the last one."""

    def __init__(self, work: Recurrent, layers: int, threads: int):
        x, y, state = (
            type_of(*s) for s in (work.shapes()["x"], work.result, (1, work.n, work.k))
        )
        learnt = list(work.shapes().items())[1:]
        arguments, body, last = [f"%x0: {x}", f"%g: {y}"], "", "%x0"
        for i in range(layers):
            arguments += [f"%{n}{i}: {type_of(*shape)}" for n, shape in learnt]
            w, r, b, rb = (type_of(*shape) for _, shape in learnt)
            body += f"""
              %y{i}, %h{i}, %c{i} = br.lstm ins({last}, %w{i}, %r{i} : {x}, {w}, {r})
                bias(%b{i} : {b}) recurrent_bias(%rb{i} : {rb})
                -> ({y}, {state}, {state})"""
            last = f"%y{i}"
        source = f"""func.func @main({", ".join(arguments)}) -> tensor<f32> {{{body}
          %zero = arith.constant 0.0 : f32
          %empty = tensor.empty() : tensor<f32>
          %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<f32>)
            -> tensor<f32>
          %loss = linalg.generic {{indexing_maps = [
              affine_map<(t, n, k) -> (t, n, k)>, affine_map<(t, n, k) -> (t, n, k)>,
              affine_map<(t, n, k) -> ()>],
              iterator_types = ["reduction", "reduction", "reduction"]}}
              ins({last}, %g : {y}, {y}) outs(%start : tensor<f32>) {{
          ^bb0(%a: f32, %b: f32, %sum: f32):
            %product = arith.mulf %a, %b : f32
            %next = arith.addf %sum, %product : f32
            linalg.yield %next : f32
          }} -> tensor<f32>
          func.return %loss : tensor<f32>
        }}"""
        drawn = [work.inputs(seed) for seed in range(layers)]
        weights = [d[name] for d in drawn for name, _ in learnt]
        given = np.random.default_rng(1).standard_normal(work.result, np.float32)
        self.inputs: Mapping[str, Array] = {"x": drawn[0]["x"], "dy": given}
        """Plain-layout arrays."""
        parameters = dict(enumerate(weights, 2))
        self.step = train_step(source, None, SGD(0.01), parameters, threads=threads)

    def __call__(self) -> None:
        self.step(*self.inputs.values())

    def output(self) -> dict[str, Array]:
        """All parameters after the latest step, by their numbers."""
        return {str(i): a for i, a in self.step.parameters.items()}
