"""What the kernels of a GPU mean: all threads of a block at once, in numpy.

    run(module, "main", [x, w, y])    // a function that launches, what it launches

Every value of a kernel is an array with an axis for the block's threads. Beside what
the threads compute this looks for what a device would not forgive, and stops there:

* an element read or written past the end of its memory, or at a wrong alignment;
* shared memory that is read before it was written, before a copy has arrived, or after
  another thread's write with no barrier in between; the same for writes after reads;
* an element of global memory that two threads of a launch write, or that one reads and
  another writes;
* barriers and warp operations that not all of their threads reach.

It counts what makes a kernel slow, too: lanes of a warp that wait for each other at the
banks of shared memory.
"""

from brdialect.reference.gpu.launches import Statistics, run

__all__ = ["Statistics", "run"]
