"""The libraries that can be compared with, and what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from shutil import which
from typing import Any

from brdialect.mistake import BrError
from runtime.cli.bench.peers import onednn_library

OWN = "brdialect"
"""The name of this compiler among them."""


@dataclass(frozen=True)
class Peer:
    """A library, or one way of using it."""

    module: str
    needs: tuple[str, ...]
    """Python modules that must be there."""

    install: str
    """What puts them there."""

    function: str = "prepare"
    openmp: bool = True
    """Whether its threads are an OpenMP team, to be bound to their processors. What is
    bound that way would bind a pool of any other kind to one processor."""


_HERE = "runtime.cli.bench.peers"

PEERS: Mapping[str, Peer] = {
    "torch": Peer(f"{_HERE}.torch_peer", ("torch",), "pip install torch"),
    "torch-compile": Peer(
        f"{_HERE}.torch_peer",
        ("torch",),
        "pip install torch, and a C++ compiler",
        "prepare_compiled",
    ),
    "onnxruntime": Peer(
        f"{_HERE}.onnxruntime_peer",
        ("onnxruntime", "onnx"),
        "pip install onnxruntime onnx",
        openmp=False,
    ),
    "openvino": Peer(
        f"{_HERE}.openvino_peer",
        ("openvino", "onnx"),
        "pip install openvino onnx",
        openmp=False,
    ),
    "onednn": Peer(
        f"{_HERE}.onednn_peer", (), "pip install onednn-cpu-gomp, or the system's"
    ),
}

_OWN_PEER = Peer("runtime.cli.bench.own", (), "")


def peer_named(name: str) -> Peer:
    """A peer, or this compiler."""
    return _OWN_PEER if name == OWN else PEERS[name]


def is_installed(name: str) -> bool:
    """Whether a peer can be asked."""
    if name == "onednn":
        return onednn_library.is_installed()
    if name == "torch-compile" and not any(map(which, ("g++", "clang++"))):
        return False
    return all(find_spec(module) is not None for module in PEERS[name].needs)


def function_of(name: str) -> Any:
    """A peer's `prepare`."""
    peer = peer_named(name)
    return getattr(import_module(peer.module), peer.function)


def chosen_peers(text: str | None) -> tuple[list[str], list[str]]:
    """The peers to ask, and a line for each that is left out because it is not there.
    None asks all."""
    names = list(PEERS) if text is None else [n for n in text.split(",") if n]
    if wrong := [name for name in names if name not in PEERS]:
        raise BrError(
            f"--peers: expected names out of {', '.join(PEERS)}, got '{wrong[0]}'"
        )
    names = list(dict.fromkeys(names))
    there = [name for name in names if is_installed(name)]
    missing = [
        f"{name} is not installed and left out ({PEERS[name].install})"
        for name in names
        if name not in there
    ]
    return there, missing
