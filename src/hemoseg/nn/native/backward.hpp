// Gradients of the layer. Samples are computed anew, and offsets unless they were kept.
#pragma once
#include "forward.hpp"

namespace {

// Where gradients go, or null for those not asked for. x and offset lie as in Layer, and x starts as zeros.
template <class T>
struct Gradients {
  T *x, *offset, *offset_weight, *weight;
};

template <class T>
struct Backward {
  static constexpr int L = LANES<T>;

  const Layer<T>& l;
  const T* grad_y;  // (B, H, W, O)
  const Gradients<T>& to;

  // Sums of one thread, (output, tap, channel): rows padded to whole vectors.
  struct Sums {
    std::vector<T> weight, offset_weight;
  };

  int k() const { return int(l.shape.kernel); }
  int run_length() const { return int(whole(k() * l.channels(), L)) * L; }  // of a run of taps, padded
  int depth() const { return int(whole(l.taps() * l.channels(), L)) * L; }
  bool fused() const { return l.offset_weight; }

  void run() const {
    const Product<T> offsets = l.offset_product();
    const Product<T> grad_samples(1, int(l.shape.outputs), l.taps() * l.channels(),
                                  [&](int, int o, int i) { return l.at(l.weight, o, i); });
    // The offset convolution's gradient of x reads the offsets' gradients round a pixel, taps reversed.
    const int pairs = 2 * l.taps();
    const Product<T> grad_x(fused() && to.x ? k() : 0, k() * pairs, fused() && to.x ? l.channels() : 0,
                            [&](int ky, int i, int c) {
                              const int n = i % pairs, tap = (k() - 1 - ky) * k() + (k() - 1 - i / pairs);
                              return l.at(l.offset_weight, n, tap * l.channels() + c);
                            });
    const Bands bands(l.shape, l.scope, 2 * sizeof(T), true);
    std::vector<Sums> sums(l.threads.count);
    for (auto& s : sums) {
      s.weight.assign(to.weight ? size_t(l.shape.outputs) * depth() : 0, T(0));
      s.offset_weight.assign(fused() && to.offset_weight ? size_t(pairs) * k() * run_length() : 0, T(0));
    }
    // Windows overlap those of the next band: all even bands, then all odd ones, in any order, give the same sums.
    const int64_t even = whole(bands.per_image, 2);
    for (int64_t colour = 0; colour < 2; ++colour) {
      const int64_t each = colour ? bands.per_image - even : even, all = each * l.shape.batch;
      l.threads.run([&](int64_t t) {
        for (int64_t i = t * all / l.threads.count; i < (t + 1) * all / l.threads.count; ++i) {
          const int64_t b = i / each * bands.per_image + i % each * 2 + colour;
          band(bands, b, offsets, grad_samples, grad_x, sums[t]);
        }
      });
    }
    collect(sums);
  }

  void band(const Bands& bands, int64_t index, const Product<T>& offsets, const Product<T>& grad_samples,
            const Product<T>& grad_x, Sums& sums) const {
    static thread_local Buffer<T> window, ring_memory;
    Band<T> b(l.shape, bands, index);
    b.copy(l.x);
    Window<T> gradient{nullptr, b.row_step, b.channels};
    if (to.x) {
      const size_t numbers = b.window_numbers();
      gradient.data = window.get(numbers + SLACK * 4);
      std::fill(gradient.data, gradient.data + numbers, T(0));
    }
    // The offsets' gradients of the last k rows, zeros round them.
    const size_t ring_step = size_t(l.shape.width + 2 * b.reach + 4) * b.pairs;
    T* ring = ring_memory.get(ring_step * k() + 64);
    std::fill(ring, ring + ring_step * k(), T(0));
    for (int64_t row = b.first; row < b.end + 2 * b.reach; ++row) {
      T* grads = ring + row % k() * ring_step + b.reach * b.pairs;
      if (row < b.end)
        b.for_tiles([&](int64_t column, int pixels) {
          tile(b, gradient, offsets, grad_samples, row, column, pixels, grads + column * b.pairs, sums);
        });
      else
        std::fill(grads, grads + l.shape.width * b.pairs, T(0));
      const int64_t done = row - b.reach;  // every row that reaches this one has its gradients
      if (fused() && to.x && done >= 0 && done < l.shape.height) {
        for (int ky = 0; ky < k(); ++ky) b.runs[ky] = ring + (done - b.reach + ky + k()) % k() * ring_step;
        T* row_of_x = gradient.at(done - b.window_first, b.margin);
        grad_x.template run<true>(b.runs.data(), b.pairs, int(l.shape.width), row_of_x, b.channels);
      }
    }
    if (to.x) b.add_to(to.x, gradient.data);
  }

  void tile(Band<T>& b, const Window<T>& gradient, const Product<T>& offsets, const Product<T>& grad_samples,
            int64_t row, int64_t column, int pixels, T* grads, Sums& sums) const {
    const int outputs = int(l.shape.outputs);
    static thread_local Buffer<T> memory;
    T* gy = memory.get(size_t(TILE + 4) * outputs);  // groups of pixels are read beyond the last
    const T* pull = grad_y + l.pixel(b, row, column) * outputs;
    std::copy(pull, pull + pixels * outputs, gy);
    const T* from[] = {gy};
    grad_samples.template run<false>(from, outputs, pixels, b.grad_samples, b.depth);
    l.locate(b, offsets, true, row, column, pixels);
    b.take_gradients(gradient.data, fused(), T(l.scope), pixels, grads);
    if (to.weight) outer(gy, outputs, outputs, b.samples, b.depth, b.depth, pixels, sums.weight.data(), b.depth);
    if (to.offset) std::copy(grads, grads + pixels * b.pairs, to.offset + l.pixel(b, row, column) * b.pairs);
    if (fused() && to.offset_weight)
      for (int ky = 0; ky < k(); ++ky)
        outer(grads, b.pairs, b.pairs, b.tap_row(row, ky, column), b.channels, k() * b.channels, pixels,
              sums.offset_weight.data() + ky * run_length(), long(k()) * run_length());
  }

  void collect(const std::vector<Sums>& sums) const {
    const int64_t c = l.shape.channels, taps = l.taps();
    auto add = [&](T* into, int64_t outputs, auto number) {
      for (int64_t o = 0; o < outputs; ++o)
        for (int64_t i = 0; i < c; ++i)
          for (int64_t n = 0; n < taps; ++n) {
            T sum = 0;
            for (const auto& s : sums) sum += number(s, o, n, i);
            into[(o * c + i) * taps + n] = sum;
          }
    };
    if (to.weight)
      add(to.weight, l.shape.outputs, [&](const Sums& s, int64_t o, int64_t n, int64_t i) {
        return s.weight[o * depth() + n * l.channels() + i];
      });
    if (fused() && to.offset_weight)
      add(to.offset_weight, 2 * taps, [&](const Sums& s, int64_t o, int64_t n, int64_t i) {
        return s.offset_weight[(o * k() + n / k()) * run_length() + n % k() * l.channels() + i];
      });
  }
};

}  // namespace
