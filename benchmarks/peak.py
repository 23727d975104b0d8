"""Prints this machine's peak: what the other benchmarks are measured against.

python benchmarks/peak.py [THREADS]
"""

import sys

from runtime.host import host_target
from runtime.peak import measure_peak


def main() -> None:
    """One line for each element type."""
    target = host_target(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    bits = 8 * target.vector_bytes
    for name, size in (("f32", 4), ("f64", 8)):
        peak = measure_peak(target, size) / 1e9
        print(f"{name}: {peak:.1f} GFLOP/s, {target.threads} threads, {bits}-bit FMA")


if __name__ == "__main__":
    main()
