"""Makes digits_lstm.mlir and digits_lstm_logits.npy: trains a small bidirectional LSTM
on scikit-learn's handwritten digits and writes its weights behind the program.

Needs `pip install -e '.[compare]'`. Nothing else needs this to be run again: both
files are kept beside this script. The images held out are those of digits_test.npz.
"""

from pathlib import Path

import numpy as np
import torch
from digits_training import logits_of, split_digits, train
from torch import nn

HERE = Path(__file__).parent
EPOCHS = 40
HIDDEN = 32

PROGRAM = """\
// Reads digits row by row: the 8 rows of an image are the steps of two LSTMs, one from
// above and one from below, and their final states say which digit it is. Weights are
// PyTorch's, in its order of the gates (make_digits_lstm.py).
func.func @main(%images: tensor<?x8x8xf32>) -> tensor<?x10xf32> {
  %w = arith.constant dense_resource<weight_ih> : tensor<2x128x8xf32>
  %r = arith.constant dense_resource<weight_hh> : tensor<2x128x32xf32>
  %b = arith.constant dense_resource<bias_ih> : tensor<2x128xf32>
  %rb = arith.constant dense_resource<bias_hh> : tensor<2x128xf32>
  %matrix = arith.constant dense_resource<linear_weight> : tensor<64x10xf32>
  %bias = arith.constant dense_resource<linear_bias> : tensor<10xf32>

  %y, %h, %c = br.lstm
    ins(%images, %w, %r : tensor<?x8x8xf32>, tensor<2x128x8xf32>, tensor<2x128x32xf32>)
    bias(%b : tensor<2x128xf32>) recurrent_bias(%rb : tensor<2x128xf32>)
    {batch_first, direction = "bidirectional", gates = "ifco"}
    -> (tensor<?x8x64xf32>, tensor<2x?x32xf32>, tensor<2x?x32xf32>)

  // [direction, image, unit] -> [image, both directions' units]
  %zero = arith.constant 0 : index
  %n = tensor.dim %images, %zero : tensor<?x8x8xf32>
  %0 = tensor.empty(%n) : tensor<?x2x32xf32>
  %1 = linalg.transpose ins(%h : tensor<2x?x32xf32>) outs(%0 : tensor<?x2x32xf32>)
    permutation = [1, 0, 2]
  %states = tensor.collapse_shape %1 [[0], [1, 2]]
    : tensor<?x2x32xf32> into tensor<?x64xf32>

  %2 = tensor.empty(%n) : tensor<?x10xf32>
  %3 = linalg.broadcast ins(%bias : tensor<10xf32>) outs(%2 : tensor<?x10xf32>)
    dimensions = [0]
  %logits = linalg.matmul
    ins(%states, %matrix : tensor<?x64xf32>, tensor<64x10xf32>)
    outs(%3 : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
"""


class DigitsLstm(nn.Module):
    """Grey images [n, 8, 8] to ten logits."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, HIDDEN, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * HIDDEN, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        _, (h, _) = self.lstm(images)
        return self.linear(torch.cat((h[0], h[1]), dim=1))


def weights_of(model: DigitsLstm) -> dict[str, torch.Tensor]:
    """By the names that they have in the program; both directions in one tensor."""
    linear = model.linear
    weights = {"linear_weight": linear.weight.T, "linear_bias": linear.bias}
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        directions = [getattr(model.lstm, f"{name}_l0{d}") for d in ("", "_reverse")]
        weights[name] = torch.stack(directions)
    return weights


def resources(weights: dict[str, torch.Tensor]) -> str:
    """The text of MLIR's section for them: the alignment (4), then the elements."""
    lines = [
        f'      {name}: "0x04000000{w.detach().contiguous().numpy().tobytes().hex()}"'
        for name, w in weights.items()
    ]
    text = ",\n".join(lines)
    return (
        f"{{-#\n  dialect_resources: {{\n    builtin: {{\n{text}\n    }}\n  }}\n#-}}\n"
    )


def main() -> None:
    torch.manual_seed(0)
    train_x, test_x, train_y, test_y = split_digits()
    train_x, test_x = train_x.squeeze(1), test_x.squeeze(1)
    model = DigitsLstm()
    train(model, train_x, train_y, EPOCHS)
    np.save(HERE / "digits_lstm_logits.npy", logits_of(model, test_x, test_y))
    text = f"{PROGRAM}\n{resources(weights_of(model))}"
    (HERE / "digits_lstm.mlir").write_text(text)


if __name__ == "__main__":
    main()
