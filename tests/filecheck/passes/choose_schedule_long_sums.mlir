// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=1},choose-schedule' \
// RUN:   | filecheck %s --check-prefix ONE
// RUN: br-opt %s -p 'set-target{target=x86-64-v4 threads=2},choose-schedule' \
// RUN:   | filecheck %s --check-prefix TWO

// The gradients of the weights of some 1x1 convolutions, x [p, c] and dy [p, k].

#x = affine_map<(p, c, k) -> (p, c)>
#dy = affine_map<(p, c, k) -> (p, k)>
#dw = affine_map<(p, c, k) -> (c, k)>
#kinds = [#linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>,
          #linalg.iterator_type<parallel>]

// 256 x 64 weights, one panel of columns: each of two threads has a copy of them, which
// moves less than if each had half of the columns and read all of x.
// ONE-LABEL: func.func @copies
// ONE: #br.schedule<"a64 | m=b n=c k=a | tile=6x4">
// TWO-LABEL: func.func @copies
// TWO: #br.schedule<"A3136 a64 | m=b n=c k=a | tile=6x4">
func.func @copies(%x: tensor<6272x256xf32>, %dy: tensor<6272x64xf32>,
                  %dw: tensor<256x64xf32>) -> tensor<256x64xf32> {
  %0 = br.contract ins(%x, %dy : tensor<6272x256xf32>, tensor<6272x64xf32>)
      outs(%dw : tensor<256x64xf32>)
      {indexing_maps = [#x, #dy, #dw], iterator_types = #kinds, beta = 0.0}
      -> tensor<256x64xf32>
  func.return %0 : tensor<256x64xf32>
}

// 64 x 1024 weights and few pixels: threads own columns, since few read x twice.
// ONE-LABEL: func.func @columns
// ONE: #br.schedule<"a56 | m=b n=c k=a | tile=6x4">
// TWO-LABEL: func.func @columns
// TWO: #br.schedule<"C512 a56 | m=b n=c k=a | tile=6x4">
func.func @columns(%x: tensor<392x64xf32>, %dy: tensor<392x1024xf32>,
                   %dw: tensor<64x1024xf32>) -> tensor<64x1024xf32> {
  %0 = br.contract ins(%x, %dy : tensor<392x64xf32>, tensor<392x1024xf32>)
      outs(%dw : tensor<64x1024xf32>)
      {indexing_maps = [#x, #dy, #dw], iterator_types = #kinds, beta = 0.0}
      -> tensor<64x1024xf32>
  func.return %0 : tensor<64x1024xf32>
}

// 1024 x 2048 weights, 8 MB, are written once, 24 rows at a time, each thread its own.
// ONE-LABEL: func.func @owners
// ONE: #br.schedule<"B24 C64 | m=b n=c k=a | tile=6x4 | pack=b64">
// TWO-LABEL: func.func @owners
// TWO: #br.schedule<"B24 C64 | m=b n=c k=a | tile=6x4 | pack=b64">
func.func @owners(%x: tensor<49x1024xf32>, %dy: tensor<49x2048xf32>,
                  %dw: tensor<1024x2048xf32>) -> tensor<1024x2048xf32> {
  %0 = br.contract ins(%x, %dy : tensor<49x1024xf32>, tensor<49x2048xf32>)
      outs(%dw : tensor<1024x2048xf32>)
      {indexing_maps = [#x, #dy, #dw], iterator_types = #kinds, beta = 0.0}
      -> tensor<1024x2048xf32>
  func.return %0 : tensor<1024x2048xf32>
}

// Rows of 8 KB fall into few sets of the L2, so x is packed as well, and the L2 holds
// four panels of dy.
// ONE-LABEL: func.func @collisions
// ONE: #br.schedule<"C256 B24 c64 | m=b n=c k=a | tile=6x4 | pack=a24,b64">
// TWO-LABEL: func.func @collisions
// TWO: #br.schedule<"C256 B24 c64 | m=b n=c k=a | tile=6x4 | pack=a24,b64">
func.func @collisions(%x: tensor<336x2048xf32>, %dy: tensor<336x2048xf32>,
                      %dw: tensor<2048x2048xf32>) -> tensor<2048x2048xf32> {
  %0 = br.contract ins(%x, %dy : tensor<336x2048xf32>, tensor<336x2048xf32>)
      outs(%dw : tensor<2048x2048xf32>)
      {indexing_maps = [#x, #dy, #dw], iterator_types = #kinds, beta = 0.0}
      -> tensor<2048x2048xf32>
  func.return %0 : tensor<2048x2048xf32>
}

// A sum that is four times as long: dw is passed over for each 96 steps, and nothing is
// packed.
// ONE-LABEL: func.func @many_passes
// ONE: #br.schedule<"a96 | m=b n=c k=a | tile=6x4">
// TWO-LABEL: func.func @many_passes
// TWO: #br.schedule<"B1024 a96 | m=b n=c k=a | tile=6x4">
func.func @many_passes(%x: tensor<1344x2048xf32>, %dy: tensor<1344x2048xf32>,
                      %dw: tensor<2048x2048xf32>) -> tensor<2048x2048xf32> {
  %0 = br.contract ins(%x, %dy : tensor<1344x2048xf32>, tensor<1344x2048xf32>)
      outs(%dw : tensor<2048x2048xf32>)
      {indexing_maps = [#x, #dy, #dw], iterator_types = #kinds, beta = 0.0}
      -> tensor<2048x2048xf32>
  func.return %0 : tensor<2048x2048xf32>
}

// A gradient that lies in panels of 32 columns, as the weights do (pack-state): one
// panel after the other, all rows of it as many at a time as there are registers.
#rows = affine_map<(n, b, c, k) -> (n, c)>
#panels = affine_map<(n, b, c, k) -> (n, b, k)>
#packed = affine_map<(n, b, c, k) -> (b, c, k)>
#four = [#linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>,
         #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>]

// ONE-LABEL: func.func @panels
// ONE: #br.schedule<"B C52 | m=c n=d k=a | tile=13x2 | pack=a52,b32">
// TWO-LABEL: func.func @panels
// TWO: #br.schedule<"B C52 | m=c n=d k=a | tile=13x2 | pack=a52,b32">
func.func @panels(%x: tensor<168x1024xf32>, %dy: tensor<168x32x32xf32>,
                  %dw: tensor<32x1024x32xf32>) -> tensor<32x1024x32xf32> {
  %0 = br.contract ins(%x, %dy : tensor<168x1024xf32>, tensor<168x32x32xf32>)
      outs(%dw : tensor<32x1024x32xf32>)
      {indexing_maps = [#rows, #panels, #packed], iterator_types = #four, beta = 0.0}
      -> tensor<32x1024x32xf32>
  func.return %0 : tensor<32x1024x32xf32>
}

// Of a strided 3x3 window over 16x16x512 images the same pixel of all images lies in the
// same sets of the L2; different pixels do not. So a row of all images goes into a call.
#image = affine_map<(n, b, p, q, c, r, s, k) -> (n, p * 2 + r, q * 2 + s, c)>
#result = affine_map<(n, b, p, q, c, r, s, k) -> (n, p, q, b, k)>
#filters = affine_map<(n, b, p, q, c, r, s, k) -> (b, r, s, c, k)>
#eight = [#linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>,
          #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>,
          #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
          #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>]

// ONE-LABEL: func.func @images
// ONE: #br.schedule<"c B F G E52 | m=e n=h k=a batch=c,d | tile=13x2 | pack=b32">
func.func @images(%x: tensor<8x16x16x512xf32>, %dy: tensor<8x7x7x16x32xf32>,
                  %dw: tensor<16x3x3x512x32xf32>) -> tensor<16x3x3x512x32xf32> {
  %0 = br.contract ins(%x, %dy : tensor<8x16x16x512xf32>, tensor<8x7x7x16x32xf32>)
      outs(%dw : tensor<16x3x3x512x32xf32>)
      {indexing_maps = [#image, #result, #filters], iterator_types = #eight, beta = 0.0}
      -> tensor<16x3x3x512x32xf32>
  func.return %0 : tensor<16x3x3x512x32xf32>
}

// 256 x 512 weights are 512 KB, half of the L2: 196 pixels, which the L1 holds in parts,
// pass over them more than once. Of two threads each has half of them, as rows: they
// share dy, and no line of the result lies at a border. So have they of 512 x 512 weights,
// which one thread alone writes once.
// ONE-LABEL: func.func @passes
// ONE: #br.schedule<"a49 | m=b n=c k=a | tile=6x4">
// TWO-LABEL: func.func @passes
// TWO: #br.schedule<"B128 a49 | m=b n=c k=a | tile=6x4">
func.func @passes(%x: tensor<196x256xf32>, %dy: tensor<196x512xf32>,
                  %dw: tensor<256x512xf32>) -> tensor<256x512xf32> {
  %0 = br.contract ins(%x, %dy : tensor<196x256xf32>, tensor<196x512xf32>)
      outs(%dw : tensor<256x512xf32>)
      {indexing_maps = [#x, #dy, #dw], iterator_types = #kinds, beta = 0.0}
      -> tensor<256x512xf32>
  func.return %0 : tensor<256x512xf32>
}

// ONE-LABEL: func.func @halves
// ONE: #br.schedule<"B24 C64 | m=b n=c k=a | tile=6x4 | pack=b64">
// TWO-LABEL: func.func @halves
// TWO: #br.schedule<"B256 a49 | m=b n=c k=a | tile=6x4">
func.func @halves(%x: tensor<196x512xf32>, %dy: tensor<196x512xf32>,
                  %dw: tensor<512x512xf32>) -> tensor<512x512xf32> {
  %0 = br.contract ins(%x, %dy : tensor<196x512xf32>, tensor<196x512xf32>)
      outs(%dw : tensor<512x512xf32>)
      {indexing_maps = [#x, #dy, #dw], iterator_types = #kinds, beta = 0.0}
      -> tensor<512x512xf32>
  func.return %0 : tensor<512x512xf32>
}

// Taps go around a block of the sum, too: each reads other rows of the same image.
#square = affine_map<(n, k, p, q, c, r, s) -> (n, p + r, q + s, c)>
#whole = affine_map<(n, k, p, q, c, r, s) -> (n, p, q, k)>
#window = affine_map<(n, k, p, q, c, r, s) -> (r, s, c, k)>
#seven = [#linalg.iterator_type<reduction>, #linalg.iterator_type<parallel>,
          #linalg.iterator_type<reduction>, #linalg.iterator_type<reduction>,
          #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>,
          #linalg.iterator_type<parallel>]

// ONE-LABEL: func.func @taps
// ONE: #br.schedule<"a c2 b64 F G | m=e n=b k=d batch=a,c | tile=6x4">
// TWO-LABEL: func.func @taps
// TWO: #br.schedule<"E48 a c2 b64 f g | m=e n=b k=d batch=a,c | tile=6x4">
func.func @taps(%x: tensor<2x30x30x96xf32>, %dy: tensor<2x28x28x96xf32>,
                %dw: tensor<3x3x96x96xf32>) -> tensor<3x3x96x96xf32> {
  %0 = br.contract ins(%x, %dy : tensor<2x30x30x96xf32>, tensor<2x28x28x96xf32>)
      outs(%dw : tensor<3x3x96x96xf32>)
      {indexing_maps = [#square, #whole, #window], iterator_types = #seven, beta = 0.0}
      -> tensor<3x3x96x96xf32>
  func.return %0 : tensor<3x3x96x96xf32>
}
