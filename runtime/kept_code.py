"""What the code cache keeps of a program, and how it is called again from that.

Two kinds of entries: the signature of an entry function, which is needed before the
shapes of a call are known; and for each set of shapes its code. With the code stand the
packed weights. Where a caller gives weights of its own (`constants=`), these may differ
each time: then the constants of the program stand there, and packing runs again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from brdialect.arrays import Array
from brdialect.interface import Interface, Limit, Nest, Panels, State
from brdialect.mistake import BrError
from brdialect.targets import Target
from runtime.arguments import Parameter
from runtime.code import Objects, load_objects
from runtime.code_cache import CodeCache, key_of
from runtime.executable import Executable, pack
from runtime.signature import Shapes, Signature
from runtime.source_digest import SourceDigest, compiler_digest


@dataclass(frozen=True)
class KeptCode:
    """The entries of one program for one target."""

    cache: CodeCache
    source: SourceDigest
    entry: str | None
    target: Target
    schedules: str
    """Stands for the tuned schedules that the compiler may use."""

    kind: str = ""
    """Stands for what else the request says about the code."""

    def signature(self) -> Signature | None:
        """The signature, without constants, if it is known."""
        found = self.cache.get(self._signature_key())
        if found is None:
            return None
        arguments = (
            Parameter(tuple(shape), np.dtype(dtype), scalar, in_place, _limit(limit))
            for shape, dtype, scalar, in_place, limit in found.description["arguments"]
        )
        return Signature(
            found.description["entry"],
            tuple(arguments),
            open_sizes=frozenset((i, d) for i, d in found.description["open_sizes"]),
        )

    def keep_signature(self, signature: Signature) -> None:
        """Stores a signature."""
        arguments = [
            (p.shape, str(p.dtype), p.scalar, p.in_place, p.limit and astuple(p.limit))
            for p in signature.arguments
        ]
        description = {
            "entry": signature.entry,
            "arguments": arguments,
            "open_sizes": sorted(signature.open_sizes),
        }
        self._put(self._signature_key(), description)

    def executable(
        self, signature: Signature, shapes: Shapes, constants: Mapping[int, Array]
    ) -> Executable | None:
        """The code for some shapes, loaded, if it is there."""
        found = self.cache.get(self._code_key(signature, shapes))
        if found is None:
            return None
        interface = _interface(found.description["interface"])
        try:
            sizes: list[int] = found.description["objects"]
            images = [
                found.code[end - size : end]
                for size, end in zip(sizes, accumulate(sizes), strict=True)
            ]
            code = load_objects(images, self.target, interface.tables)
        except BrError:  # calls a function of a library that is not there this time
            return None
        packed = found.buffers
        if _is_bound(interface):
            given = iter(found.buffers)
            weights = [
                next(given) if index is None else constants[index]
                for index in interface.load_arguments
            ]
            packed = pack(code, interface, weights)
        return Executable(code, interface, signature.parameters, packed)

    def keep_executable(
        self,
        signature: Signature,
        shapes: Shapes,
        made: Objects,
        packed: Sequence[Array],
    ) -> None:
        """Stores code with what it needs beside it."""
        buffers = packed
        if _is_bound(made.interface):
            pairs = zip(made.weights, made.interface.load_arguments, strict=True)
            buffers = [weight for weight, index in pairs if index is None]
        description = {
            "interface": asdict(made.interface),
            "objects": [len(image) for image in made.images],
        }
        key = self._code_key(signature, shapes)
        self._put(key, description, b"".join(made.images), buffers)

    def _put(
        self,
        key: str,
        description: Mapping[str, Any],
        code: bytes = b"",
        buffers: Sequence[Array] = (),
    ) -> None:
        # what was compiled was read after the digest was taken
        if self.source.is_current():
            self.cache.put(key, description, code, buffers)

    def _signature_key(self) -> str:
        parts = compiler_digest(), self.source.digest, self.entry, self.kind
        return key_of("signature", *parts)

    def _code_key(self, signature: Signature, shapes: Shapes) -> str:
        return key_of(
            "code",
            compiler_digest(),
            self.source.digest,
            self.entry,
            astuple(self.target),
            sorted(signature.constants),
            shapes,
            self.schedules,
            self.kind,
        )


def _is_bound(interface: Interface) -> bool:
    """Whether packing depends on arrays that the caller gives."""
    return any(index is not None for index in interface.load_arguments)


def _limit(description: tuple[Any, str] | None) -> Limit | None:
    if description is None:
        return None
    most, reader = description
    return Limit(most if isinstance(most, int) else tuple(most), reader)


def _interface(description: Mapping[str, Any]) -> Interface:
    interface = Interface(**description)
    interface.results = [(tuple(shape), dtype) for shape, dtype in interface.results]
    interface.open_sizes = [(i, d) for i, d in interface.open_sizes]
    interface.state = [
        State(s["argument"], s["result"], s["panels"] and Panels(**s["panels"]))
        for s in description["state"]
    ]
    if (nests := description["nests"]) is not None:
        interface.nests = [
            Nest([(name, kind) for name, kind in nest["nodes"]], nest["flops"])
            for nest in nests
        ]
    return interface
