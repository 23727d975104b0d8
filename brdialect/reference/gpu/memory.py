"""The memory that kernels share between threads, and who has touched it since when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects.builtin import BFloat16Type
from xdsl.ir import Attribute

from brdialect.errors import BrError
from brdialect.reference.values import Array, element_of, encode, storage

BANKS, BANK_BYTES = 32, 4
"""Of shared memory; each bank gives a word a cycle."""

_NOBODY, _SEVERAL = -1, -2


def bytes_of(values: Array, type_: Attribute) -> Array:
    """Held values as the bytes they take in memory, along a new last axis."""
    own = np.ascontiguousarray(encode(values, type_))
    return own.view(np.uint8).reshape(*own.shape, own.itemsize)


def values_of(data: Array, type_: Attribute) -> Array:
    """Bytes along the last axis as held values of an element type."""
    element = element_of(type_)
    if isinstance(element, BFloat16Type):
        bits = np.ascontiguousarray(data).view(np.uint16)[..., 0]
        return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return np.ascontiguousarray(data).view(storage(element, precise=False))[..., 0]


def spans(start: Array, count: int) -> Array:
    """`[start, start + 1, ..]` for each start, along a new last axis."""
    return np.asarray(start)[..., np.newaxis] + np.arange(count)


@dataclass
class Copy:
    """A copy on its way: where its bytes go, what they are, and whose it is."""

    places: Array
    data: Array
    threads: Array


@dataclass
class SharedMemory:
    """A block's bytes. An access names places [threads, bytes] and the threads."""

    size: int
    epoch: int = 0
    """Barriers so far."""

    pending: list[Copy] = field(default_factory=list[Copy])
    groups: list[list[Copy]] = field(default_factory=list[list[Copy]])

    def __post_init__(self) -> None:
        self.data = np.full(self.size, 0xFF, np.uint8)
        self.on_its_way = np.zeros(self.size, np.bool_)
        self.written, self.read_at = (np.full(self.size, -1, np.int64) for _ in "wr")
        self.writer, self.reader = (np.full(self.size, _NOBODY) for _ in "wr")
        self.fenced = np.zeros(self.size, np.bool_)
        self.in_use = np.zeros(self.size, np.int64)
        self.reads: list[list[Array]] = []
        self.barriers: dict[int, Any] = {}
        self.acquired: set[tuple[int, int]] = set()

    def _check_bounds(self, places: Array) -> None:
        if places.size and (places.min() < 0 or places.max() >= self.size):
            raise BrError(
                f"expected bytes within 0..{self.size - 1} of shared memory, got "
                f"{places.min()}..{places.max()}"
            )

    def read(self, places: Array, threads: Array) -> Array:
        """The bytes at some places."""
        self._check_bounds(places)
        if np.any(self.on_its_way[places]):
            raise BrError("expected br.async_wait before what is copied is read")
        if np.any(self.written[places] < 0):
            raise BrError("expected shared memory that was written before it is read")
        owners = threads[:, np.newaxis]
        fresh = (self.written[places] == self.epoch) & (self.writer[places] != owners)
        if np.any(fresh):
            raise BrError(
                "expected br.barrier between a write to shared memory and another "
                "thread's read"
            )
        known = (self.read_at[places] == self.epoch) & (self.reader[places] != owners)
        again = places[known]
        self.reader[places] = owners
        self.read_at[places] = self.epoch
        # several in one access: what one of them left is not the thread's own
        several = self.reader[places] != owners
        self.reader[places[several]] = _SEVERAL
        self.reader[again] = _SEVERAL
        return self.data[places]

    def read_by_all(self, places: Array) -> Array:
        """The bytes at some places, for all threads, by what reads behind their backs
        (the asynchronous proxy): they have to be there for all, and a fence behind."""
        self._check_bounds(places)
        if np.any(self.on_its_way[places]):
            raise BrError("expected br.async_wait before what is copied is read")
        if np.any(self.written[places] < 0):
            raise BrError("expected shared memory that was written before it is read")
        if not np.all(self.fenced[places]):
            raise BrError("expected br.proxy_fence between write and br.warpgroup_mma")
        if np.any(self.written[places] == self.epoch):
            raise BrError(
                "expected br.barrier between a write to shared memory and "
                "br.warpgroup_mma"
            )
        self.reader[places], self.read_at[places] = _SEVERAL, self.epoch
        self.in_use[places] += 1
        self.reads[-1].append(places)
        return self.data[places]

    def start_reads(self) -> None:
        """What `read_by_all` reads from here on belongs together."""
        self.reads.append([])

    def finish_reads(self, pending: int) -> None:
        """`read_by_all` is through with all but the latest few: only now, so that other
        threads have to come to a barrier before they write there."""
        while len(self.reads) > pending:
            for places in self.reads.pop(0):
                self.in_use[places] -= 1
                self.reader[places], self.read_at[places] = _SEVERAL, self.epoch

    def fence(self) -> None:
        """What was written, by whatever thread, is seen by `read_by_all`."""
        self.fenced[:] = True

    def check_writable(self, places: Array, threads: Array) -> None:
        """Stops at a write that others still read or write."""
        self._check_bounds(places)
        owners = threads[:, np.newaxis]
        if np.any(self.on_its_way[places]):
            raise BrError("expected no write where a copy is still on its way")
        if np.any(self.in_use[places]):
            raise BrError("expected br.warpgroup_wait before its slices are written")
        used = (self.read_at[places] == self.epoch) & (self.reader[places] != owners)
        if np.any(used):
            raise BrError(
                "expected br.barrier between a read of shared memory and another "
                "thread's write"
            )
        if np.unique(places).size != places.size:
            raise BrError("expected one thread to write each byte of shared memory")
        taken = (self.written[places] == self.epoch) & (self.writer[places] != owners)
        if np.any(taken):
            raise BrError("expected br.barrier between two threads' writes")

    def write(self, places: Array, data: Array, threads: Array) -> None:
        """Bytes to some places."""
        self.check_writable(places, threads)
        self._land(Copy(places, data, threads))

    def _land(self, copy: Copy) -> None:
        self.data[copy.places] = copy.data
        self.written[copy.places] = self.epoch
        self.writer[copy.places] = copy.threads[:, np.newaxis]
        self.fenced[copy.places] = False

    def start_copy(self, places: Array, data: Array, threads: Array) -> None:
        """Bytes that arrive when they are waited for."""
        self.check_writable(places, threads)
        self.on_its_way[places] = True
        self.pending.append(Copy(places, data, threads))

    def arrive(self, copy: Copy) -> None:
        """Bytes that were counted, for all who have waited for the count."""
        self.on_its_way[copy.places] = False
        self._land(copy)
        self.written[copy.places] = self.epoch - 1
        self.fenced[copy.places] = True

    def commit(self) -> None:
        """Ends a group of copies."""
        self.groups.append(self.pending)
        self.pending = []

    def wait(self, pending: int) -> None:
        """All groups but the latest few arrive."""
        while len(self.groups) > pending:
            for copy in self.groups.pop(0):
                self.on_its_way[copy.places] = False
                self._land(copy)

    def barrier(self) -> None:
        """What was written before is there for all."""
        self.epoch += 1


@dataclass
class GlobalMemory:
    """Who wrote and read each element of the arrays that a launch is given: it is known
    by its first byte."""

    owners: dict[int, tuple[Array, Array, Array]] = field(
        default_factory=dict[int, tuple[Array, Array, Array]]
    )

    def _of(self, buffer: Array) -> tuple[Array, Array, int]:
        """The writers and readers of the memory that an array lies in, byte by byte,
        and where in it the array begins: two arrays may share some of it."""
        whole = buffer
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        start, begin = (x.__array_interface__["data"][0] for x in (buffer, whole))
        if begin not in self.owners:
            none = np.full(whole.nbytes, _NOBODY, np.int32)
            # the memory is kept, so that the address it is found by stays taken
            self.owners[begin] = (whole, none, none.copy())
        return (*self.owners[begin][1:], start - begin)

    def note(self, buffer: Array, places: Array, threads: Array, write: bool) -> None:
        """An access by threads that are numbered through the whole grid."""
        if places.size and (places.min() < 0 or places.max() >= buffer.size):
            raise BrError(
                f"expected elements within 0..{buffer.size - 1} of global memory, got "
                f"{places.min()}..{places.max()}"
            )
        owners = np.broadcast_to(threads[:, np.newaxis], places.shape)
        writer, reader, start = self._of(buffer)
        places = start + places * buffer.itemsize
        others = (writer[places] != _NOBODY) & (writer[places] != owners)
        if np.any(others):
            raise BrError(
                f"expected no {'write to' if write else 'read of'} an element that "
                "another thread of the launch writes"
            )
        if write:
            read = (reader[places] != _NOBODY) & (reader[places] != owners)
            if np.any(read) or np.unique(places).size != places.size:
                raise BrError(
                    "expected each element to be one thread's that is written"
                )
            writer[places] = owners
        else:
            many = (reader[places] != _NOBODY) & (reader[places] != owners)
            reader[places] = np.where(many, _SEVERAL, owners)
            reader[places[reader[places] != owners]] = _SEVERAL


def conflicts(starts: Array, bytes_: int) -> int:
    """Cycles beyond the least that a warp's access takes: lanes from byte `starts` on.
    Accesses of 8 and 16 bytes go by halves and quarters of a warp."""
    extra = 0
    for lanes in starts.reshape(max(1, bytes_ // BANK_BYTES), -1):
        words = np.unique(spans(lanes // BANK_BYTES, max(1, bytes_ // BANK_BYTES)))
        extra += max(0, int(np.bincount(words % BANKS).max(initial=0)) - 1)
    return extra
