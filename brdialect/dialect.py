"""The `br` dialect: its operations and attributes in one list."""

from xdsl.ir import Dialect

from brdialect.machine_ops import ParallelCallOp, PrefetchOp
from brdialect.ops import (
    BatchReduceGemmOp,
    ContractOp,
    YieldOp,
)
from brdialect.schedule import ScheduleAttr
from brdialect.target import TargetAttr

BR = Dialect(
    "br",
    [BatchReduceGemmOp, ContractOp, ParallelCallOp, PrefetchOp, YieldOp],
    [ScheduleAttr, TargetAttr],
)
