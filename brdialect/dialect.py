"""The `br` dialect: its operations and attributes in one list."""

from xdsl.ir import Dialect

from brdialect.block_tile import BlockTileAttr
from brdialect.destination_op import YieldOp
from brdialect.gpu_ops import GPU_OPS
from brdialect.machine_ops import ParallelCallOp, PrefetchOp
from brdialect.ops import BatchReduceGemmOp, ContractOp
from brdialect.padded_view_op import PaddedViewOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceOp
from brdialect.recurrent_backward_ops import (
    GruBackwardOp,
    LstmBackwardOp,
    RnnBackwardOp,
)
from brdialect.recurrent_ops import (
    GruCellOp,
    GruOp,
    LstmCellOp,
    LstmOp,
    RnnCellOp,
    RnnOp,
)
from brdialect.schedule import ScheduleAttr
from brdialect.target import TargetAttr
from brdialect.tensor_copy_ops import TENSOR_COPY_OPS
from brdialect.warpgroup_ops import WARPGROUP_OPS

BR = Dialect(
    "br",
    [
        BatchReduceGemmOp,
        ContractOp,
        GruBackwardOp,
        GruCellOp,
        GruOp,
        LstmBackwardOp,
        LstmCellOp,
        LstmOp,
        PaddedViewOp,
        ParallelCallOp,
        PrefetchOp,
        RecurrenceBackwardOp,
        RecurrenceOp,
        RnnBackwardOp,
        RnnCellOp,
        RnnOp,
        YieldOp,
        *GPU_OPS,
        *TENSOR_COPY_OPS,
        *WARPGROUP_OPS,
    ],
    [BlockTileAttr, ScheduleAttr, TargetAttr],
)
