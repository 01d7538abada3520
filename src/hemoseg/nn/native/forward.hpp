// y of the layer.
#pragma once
#include "layer.hpp"

namespace {

// Arrays as torch's channels_last has them: x (B, H, W, C), offset (B, H, W, 2 k k); kernels (O, C, k, k).
template <class T>
struct Layer {
  Shape shape;
  const T *x, *offset, *offset_weight, *weight, *bias;  // offset or offset_weight, the other is null; so may bias be
  T* kept;  // what the tanh is taken of, as offset lies: written forward, read backward; or null
  double scope;  // bound of the offsets, in pixels
  Threads threads;

  int taps() const { return int(shape.kernel * shape.kernel); }
  int channels() const { return padded_channels(shape.channels); }
  int64_t pixel(const Band<T>& band, int64_t row, int64_t column) const {
    return (band.image * shape.height + row) * shape.width + column;
  }

  // Kernel of a weight tensor at output o, (tap, channel) i; zero for the channels that only fill a vector.
  T at(const T* w, int64_t o, int64_t i) const {
    const int64_t c = i % channels(), n = i / channels();
    return c < shape.channels ? w[(o * shape.channels + c) * taps() + n] : T(0);
  }

  Product<T> offset_product() const {
    const int k = int(shape.kernel), run = k * channels();
    return Product<T>(offset_weight ? k : 0, run, offset_weight ? 2 * k * k : 0,
                      [&](int ky, int i, int n) { return at(offset_weight, n, ky * run + i); });
  }

  // Points of all taps of `pixels` pixels, in the band's arrays.
  void locate(Band<T>& band, const Product<T>& offsets, bool known, int64_t row, int64_t column, int pixels) const {
    const int64_t at = pixel(band, row, column) * band.pairs;
    if (!offset_weight) {
      std::copy(offset + at, offset + at + pixels * band.pairs, band.raw);
    } else if (kept && known) {
      std::copy(kept + at, kept + at + pixels * band.pairs, band.raw);
    } else {
      for (int ky = 0; ky < shape.kernel; ++ky) band.runs[ky] = band.tap_row(row, ky, column);
      offsets.template run<false>(band.runs.data(), band.channels, pixels, band.raw, band.pairs);
      if (kept) std::copy(band.raw, band.raw + pixels * band.pairs, kept + at);
    }
    band.locate(band.raw, offset_weight, T(scope), row, column, pixels);
  }
};

template <class T>
struct Forward {
  const Layer<T>& l;

  void run(T* y) const {
    const Product<T> offsets = l.offset_product();
    const Product<T> outputs(1, l.taps() * l.channels(), int(l.shape.outputs),
                             [&](int, int i, int o) { return l.at(l.weight, o, i); }, l.bias);
    const Bands bands(l.shape, l.scope, sizeof(T), false);
    l.threads.run([&](int64_t t) {
      for (int64_t b = t * bands.count / l.threads.count; b < (t + 1) * bands.count / l.threads.count; ++b) {
        Band<T> band(l.shape, bands, b);
        band.copy(l.x);
        for (int64_t row = band.first; row < band.end; ++row)
          band.for_tiles([&](int64_t column, int pixels) {
            l.locate(band, offsets, false, row, column, pixels);
            band.take_samples(pixels);
            const T* samples[] = {band.samples};
            outputs.template run<false>(samples, band.depth, pixels, y + l.pixel(band, row, column) * l.shape.outputs,
                                        l.shape.outputs);
          });
      }
    });
  }
};

}  // namespace
