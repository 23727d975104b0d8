"""`add-training-step`: forward, loss, gradients and optimiser as one function.

    func.func @f(%x: tensor<8x4xf32>, %w: tensor<4x3xf32>) -> tensor<8x3xf32>
    ->
    func.func @f_step(%x, %w, %labels: tensor<8xi64>, %momentum_1: tensor<4x3xf32>,
                      %rate: f32) -> (tensor<f32>, tensor<4x3xf32>, tensor<4x3xf32>) {
      %y = ...                                         // what @f does
      %loss, %dy = ...                                 // passes/training/losses.py
      %dw = ...                                        // differentiate
      %w1, %m1 = linalg.generic ins(%w, %dw, %momentum_1) ...      // updates.py
      return %loss, %w1, %m1
    }

for `add-training-step{parameters=1 loss=cross-entropy optimizer=sgd momentum=0.9}`.

The new function takes the arguments of @f, what is wanted of its result, the moments of
every parameter (SGD with momentum has one, Adam two; all firsts, then all seconds) and
the numbers that change from step to step (`Optimizer.numbers`). It returns the loss,
the new parameters and the new moments, in the order in which they are taken. Without
`loss` the function's result is the loss, a tensor of one float. `state=true` marks
parameters and moments with the results that take their place (state.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import func, tensor
from xdsl.dialects.builtin import AnyFloat, ModuleOp, StringAttr, TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.passes import ModulePass
from xdsl.transforms.dead_code_elimination import region_dce

from brdialect.errors import unsupported
from brdialect.optimizers import Optimizer, optimizer_named
from passes.fuse.fuse_epilogues import erase_unused
from passes.gradients.differentiate import (
    Backward,
    DifferentiatePass,
    is_float_tensor,
    prepare,
)
from passes.gradients.tensors import filled
from passes.normalise.recurrent_sequences import save_what_is_used
from passes.shared.build import tensor_type
from passes.shared.state import mark_state
from passes.training.losses import LOSSES, check_loss
from passes.training.updates import update

STEP = "_step"
"""The end of the new function's name."""


def prediction_of(function: func.FuncOp) -> SSAValue:
    """The one result, which must be of floats."""
    last = function.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    types = [r.type for r in last.arguments]
    if len(types) != 1 or not is_float_tensor(types[0]):
        found = ", ".join(map(str, types)) or "none"
        unsupported(function, f"expected one result, a tensor of floats, got {found}")
    return last.arguments[0]


class Step:
    """The training step of a function while it is written."""

    def __init__(self, function: func.FuncOp, parameters: Sequence[int]) -> None:
        self.function, self.parameters = function, parameters
        self.backward = Backward(function, parameters, save=False)
        self.block = self.backward.block
        self.results: list[SSAValue] = []
        self.state: dict[int, int] = {}
        """Parameters and moments: the result that takes the place of an argument."""

    def add_loss(self, name: str | None) -> SSAValue:
        """Writes forward and loss; returns the gradient of the function's result."""
        result = prediction_of(self.function)
        type_ = tensor_type(result)
        if 0 in type_.get_shape():
            unsupported(
                self.function,
                f"expected a result with elements to learn from, got {type_}",
            )
        prediction = self.backward.forward(result)
        if name is None:
            if type_.get_num_dims():
                unsupported(
                    self.function,
                    f"expected a loss of one number, a tensor without dimensions, got "
                    f"{type_}; give loss= as one out of {', '.join(LOSSES)}",
                )
            with ImplicitBuilder(self.block):
                loss, gradient = prediction, filled(1.0, type_)
        else:
            type_of_wanted, compute = LOSSES[name]
            wanted_type = type_of_wanted(self.function, type_)
            wanted = self.argument(wanted_type, "wanted")
            with ImplicitBuilder(self.block):
                loss, gradient = compute(prediction, wanted)
        self.results.append(loss)
        return gradient

    def argument(self, type_: TensorType | AnyFloat, name: str) -> BlockArgument:
        """A new last argument."""
        new = self.block.insert_arg(type_, len(self.block.args))
        new.name_hint = name
        return new

    def write(self, loss: str | None, optimizer: Optimizer) -> func.FuncOp:
        """The finished function."""
        gradient = self.add_loss(loss)
        step = self.backward.write()
        given = self.block.args[-1]
        given.replace_all_uses_with(gradient)
        self.block.erase_arg(given)
        last = self.block.last_op
        assert isinstance(last, func.ReturnOp)
        gradients = list(last.arguments)
        last.detach()
        last.erase()
        self.add_updates(gradients, optimizer)
        step.sym_name = StringAttr(self.function.sym_name.data + STEP)
        step.update_function_type()
        return step

    def add_updates(self, gradients: Sequence[SSAValue], optimizer: Optimizer) -> None:
        """Writes the optimiser and what the function returns."""
        parameters = [self.block.args[i] for i in self.parameters]
        moments = [
            [
                self.argument(tensor_type(p), f"{name}_{i}")
                for i, p in zip(self.parameters, parameters, strict=True)
            ]
            for name in optimizer.moments
        ]
        element = tensor_type(self.results[0]).element_type
        assert isinstance(element, AnyFloat)
        for i in self.parameters:
            p = self.block.args[i]
            if tensor_type(p).element_type != element:
                unsupported(
                    self.function,
                    f"expected parameters of {element}, as the loss is, got argument "
                    f"{i} of type {p.type}",
                )
        numbers = [self.argument(element, n) for n in optimizer.number_names]
        with ImplicitBuilder(self.block):
            loss = tensor.ExtractOp(self.results[0], (), element).result
            new = [
                update(optimizer, p, g, old, numbers, loss)
                for p, g, *old in zip(parameters, gradients, *moments, strict=True)
            ]
            kinds = zip(*new, strict=True)
            func.ReturnOp(*self.results, *(v for kind in kinds for v in kind))
        old = [*self.parameters, *(m.index for kind in moments for m in kind)]
        self.state = {argument: n for n, argument in enumerate(old, len(self.results))}


@dataclass(frozen=True)
class AddTrainingStepPass(ModulePass):
    """Adds the training step of one function on tensors.

    `add-training-step{entry=f parameters=1,2 loss=cross-entropy optimizer=adam}`; the
    optimiser's settings have PyTorch's defaults. The rate is an argument of the step.
    """

    name = "add-training-step"

    parameters: tuple[int, ...]
    entry: str | None = None
    loss: str | None = None
    optimizer: str = "sgd"
    momentum: float | None = None
    nesterov: bool | None = None
    beta1: float | None = None
    beta2: float | None = None
    epsilon: float | None = None
    weight_decay: float | None = None
    state: bool = False

    def settings(self) -> Optimizer:
        """The optimiser with what is given of its settings."""
        names = [f.name for f in fields(self)][4:-1]
        given = {n: getattr(self, n) for n in names if getattr(self, n) is not None}
        return optimizer_named(self.optimizer, **given)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        optimizer = self.settings()
        check_loss(self.loss)
        chosen = DifferentiatePass(self.entry, self.parameters)
        function = chosen.function(op)
        parameters = chosen.arguments(function)
        if len(set(parameters)) < len(parameters):
            given = ", ".join(map(str, parameters))
            unsupported(function, f"expected each parameter once, got {given}")
        prepare(function)
        writer = Step(function, parameters)
        step = writer.write(self.loss, optimizer)
        if self.state:
            mark_state(step, writer.state)
        op.body.block.insert_op_after(step, function)
        erase_unused(op)
        region_dce(step.body)
        save_what_is_used(op.body)
