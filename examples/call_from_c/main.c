// Calls a compiled MLIR function with no Python in the process:
//
//   br-compile examples/mlp.mlir -o mlp.so
//   cc -I. examples/call_from_c/main.c ./mlp.so -o xor
//   ./xor

#include <stdio.h>

#include "mlp.h" // written by br-compile beside mlp.so

int main(void) {
  const float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  float y[4];
  if (mlp(&x[0][0], y) != 0) {
    return 1;
  }
  for (int row = 0; row < 4; ++row) {
    printf("%g xor %g = %g\n", x[row][0], x[row][1], y[row]);
  }
  return 0;
}
