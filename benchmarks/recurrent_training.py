"""What harness_peer.py times of training: whole steps of a stack of LSTM layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from brdialect.arrays import Array
from brdialect.optimizers import SGD
from runtime.cli.bench.workloads import Recurrent
from runtime.training.step import train_step


def type_of(*shape: int) -> str:
    """`tensor<2x3xf32>`"""
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


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
