"""`brdialect.train_step`: a program on tensors as a training step with its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.utils.hints import isa

from brdialect.arrays import Array
from brdialect.interface import Panels
from brdialect.mistake import BrError
from brdialect.optimizers import OPTIMIZERS, Optimizer, optimizer_named
from brdialect.reference import find_entry
from brdialect.source import resources
from brdialect.targets import Target
from passes.training.add_training_step import STEP, AddTrainingStepPass
from passes.training.losses import check_loss
from runtime.arguments import aligned_empty
from runtime.executable import Executable
from runtime.host import check_runs_here, resolve_target
from runtime.model import Model, Request
from runtime.panels import fill_panels, out_of_panels
from runtime.program import Program, load_program
from runtime.signature import Shapes, Signature

State = dict[str, Array]

STEP_NUMBER = "step"
"""The name of the number of steps done in a `State`."""


@dataclass(frozen=True)
class Code:
    """A step for some shapes of its arguments."""

    signature: Signature
    executable: Executable
    workspace: Array
    prediction: tuple[int, ...]
    """The shape of the program's result."""

    panels: list[Panels | None]
    """How each array of the state lies."""


def copy_of(array: Array) -> Array:
    """In memory of its own, aligned as vectors want it."""
    new = aligned_empty(array.shape, array.dtype, "the state of training")
    new[...] = array
    return new


def check_parameters(parameters: Mapping[int, Array]) -> None:
    """Refuses what cannot be learnt."""
    if not parameters:
        raise BrError("expected at least one parameter to be learnt, got none")
    for i, array in parameters.items():
        if array.dtype.kind != "f":
            raise BrError(
                f"parameter {i}: expected a tensor of floats, got one of "
                f"{array.dtype}; leave it out here, and give it in each call"
            )


def checked_labels(labels: object, prediction: tuple[int, ...]) -> Array:
    """Labels of logits [n, classes], as the step takes them."""
    array, classes = np.asarray(labels), prediction[1]
    if array.dtype.kind not in "iu":
        raise BrError(f"labels: expected integers, got {array.dtype}")
    wrong = np.flatnonzero((array < 0) | (array >= classes))
    if len(wrong):
        raise BrError(
            f"labels: expected numbers within 0..{classes - 1}, got "
            f"{array.flat[wrong[0]]} at {wrong[0]}"
        )
    return array.astype(np.int64)


class TrainStep:
    """One step of training: call it with the program's arguments that are no
    parameters, then with what is wanted of its result; it returns the loss before the
    step and keeps the new parameters.

    For each shape of a batch one piece of machine code is made and kept: forward, loss,
    gradients and optimiser. It writes the new state where the old one was, in the
    layout that its products read best; where the loss is not finite it leaves the state
    as it was.
    """

    def __init__(
        self,
        program: Program,
        loss: str | None,
        optimizer: Optimizer,
        parameters: Mapping[int, Array],
    ):
        self._program, self._loss, self._optimizer = program, loss, optimizer
        self._initial = program.signature.checked_constants(parameters, "parameter")
        check_parameters(self._initial)
        initial = list(self._initial.values())
        self._state = [copy_of(array) for array in initial]
        self._state += [
            copy_of(np.zeros_like(array))
            for _ in optimizer.moments
            for array in initial
        ]
        self._panels: list[Panels | None] = [None] * len(self._state)
        self._loss_of_step = aligned_empty((), initial[0].dtype, "the loss")
        self._codes: dict[Shapes, Code] = {}
        self.steps = 0
        """Done so far."""
        shapes = program.signature.static_shapes()
        if shapes is not None:
            self._code(shapes)

    @property
    def rate(self) -> float:
        """The optimiser's, which may change from step to step; its other settings are
        in the code."""
        return self._optimizer.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._optimizer = replace(self._optimizer, rate=rate)

    @property
    def parameters(self) -> dict[int, Array]:
        """Copies of what has been learnt, by the numbers of the arguments."""
        return dict(zip(self._initial, self._plain_state(), strict=False))

    def _plain_state(self) -> list[Array]:
        """Copies of the state's arrays, row-major."""
        pairs = zip(self._state, self._panels, strict=True)
        return [out_of_panels(array, panels) for array, panels in pairs]

    def _lay(self, panels: list[Panels | None]) -> None:
        """Brings the state into other panels."""
        if panels != self._panels:
            for array, plain, new in zip(
                self._state, self._plain_state(), panels, strict=True
            ):
                fill_panels(array, plain, new)
            self._panels = panels

    def _names(self) -> list[str]:
        """Of the state's arrays."""
        kinds = ("parameter", *self._optimizer.moments)
        return [f"{kind}.{i}" for kind in kinds for i in self._initial]

    def state(self) -> State:
        """Copies of all that the next step depends on: parameters, moments, the number
        of steps."""
        found = dict(zip(self._names(), self._plain_state(), strict=True))
        return found | {STEP_NUMBER: np.array(self.steps)}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Goes on from what `state` has returned, of a step like this one."""
        names = self._names()
        if set(state) != {*names, STEP_NUMBER}:
            raise BrError(
                f"expected the state of {', '.join([*names, STEP_NUMBER])}, got "
                f"{', '.join(state) or 'nothing'}"
            )
        for name, array in zip(names, self._state, strict=True):
            given = state[name]
            if given.shape != array.shape or given.dtype != array.dtype:
                raise BrError(
                    f"state {name}: expected shape {array.shape} of {array.dtype}, got "
                    f"{given.shape} of {given.dtype}"
                )
        for name, array, panels in zip(names, self._state, self._panels, strict=True):
            fill_panels(array, state[name], panels)
        self.steps = int(state[STEP_NUMBER])

    def _module(self, shapes: Shapes) -> ModuleOp:
        """The program with its step, for these shapes of all arguments."""
        module = self._program.specialised(shapes)
        settings = asdict(self._optimizer)
        del settings["rate"]
        AddTrainingStepPass(
            tuple(self._initial),
            self._program.signature.entry,
            self._loss,
            self._optimizer.name,
            state=True,
            **settings,
        ).apply(Context(), module)
        return module

    def _code(self, shapes: Shapes) -> Code:
        """The compiled step for these shapes of all arguments."""
        if shapes not in self._codes:
            module = self._module(shapes)
            entry = self._program.signature.entry
            (result,) = find_entry(module, entry).function_type.outputs
            assert isa(result, TensorType)
            find_entry(module, entry).detach()
            # what is given as text is kept for the next process; numbers that stand
            # beside the text would be lost
            source = module if resources(module) else str(module)
            target = self._program.target
            model = Model(Request(source, entry + STEP, target, state=True))
            parameters = model.signature.parameters
            executable = model.executable(tuple(p.shape for p in parameters))
            panels = {s.result: s.panels for s in executable.state}
            self._codes[shapes] = Code(
                model.signature,
                executable,
                executable.workspace(()),
                tuple(result.get_shape()),
                [panels[i] for i in range(1, 1 + len(self._state))],
            )
        return self._codes[shapes]

    def _taken(self, arrays: Sequence[object]) -> tuple[Code, list[Array]]:
        """The code for what a call has been given, and all that it takes."""
        signature, count = self._program.signature, len(self._initial)
        inputs = [i for i in range(len(signature.arguments)) if i not in self._initial]
        names = [f"argument {i}" for i in inputs]
        names += ["what is wanted"] * (self._loss is not None)
        if len(arrays) != len(names):
            raise BrError(
                f"expected {len(names)} arrays ({', '.join(names)}), got {len(arrays)}"
            )
        every: dict[int, object] = dict(zip(inputs, arrays, strict=False))
        every |= dict(zip(self._initial, self._state, strict=False))
        in_order = signature.checked([every[i] for i in sorted(every)])
        code = self._code(tuple(a.shape for a in in_order))
        self._lay(code.panels)
        wanted = arrays[len(inputs) :]
        if self._loss == "cross-entropy":
            wanted = [checked_labels(wanted[0], code.prediction)]
        numbers = self._optimizer.numbers(self.steps + 1)
        every_one = [*in_order, *wanted, *self._state[count:], *map(float, numbers)]
        return code, code.signature.checked(every_one)

    def __call__(self, *arrays: object) -> float:
        code, taken = self._taken(arrays)
        results = [self._loss_of_step, *self._state]
        code.executable.bind(taken, results, code.workspace)()
        loss = float(self._loss_of_step)
        if not isfinite(loss):
            raise BrError(
                f"step {self.steps + 1}: expected a finite loss, got {loss}; the "
                "parameters are those before this step; try a smaller rate"
            )
        self.steps += 1
        return loss


def train_step(
    source: str | Path | ModuleOp,
    loss: str | None,
    optimizer: Optimizer | str,
    parameters: Mapping[int, Array],
    entry: str | None = None,
    target: Target | str | None = None,
    threads: int | None = None,
) -> TrainStep:
    """Compiles a training step of a function on tensors.

    * `source`, `entry`, `target`, `threads`: as for `compile`.
    * `loss`: `cross-entropy` of a result of logits [n, classes] with labels [n], or
      `mean-squared-error` of any result; None if the result is the loss itself.
    * `optimizer`: `SGD(...)` or `Adam(...)`, or its name for PyTorch's defaults.
    * `parameters`: what is learnt, with what it is at first: arrays by the numbers of
      the function's arguments.
    """
    resolved = resolve_target(target, threads)
    if resolved.is_gpu:
        raise BrError(
            f"expected a CPU as the target of train_step, got {resolved.name}; the "
            "pass add-training-step writes the step as a function, which "
            "brdialect.compile takes for a GPU"
        )
    check_runs_here(resolved)
    if isinstance(optimizer, str):
        optimizer = optimizer_named(optimizer)
    if type(optimizer) not in OPTIMIZERS.values():
        raise BrError(f"optimizer: expected SGD(...) or Adam(...), got {optimizer!r}")
    check_loss(loss)
    program = load_program(source, entry, resolved)
    return TrainStep(program, loss, optimizer, parameters)
