// The whole layer, band by band: offsets, samples and products of a band never leave the processor's caches.
#pragma once
#include <stdexcept>

#include "gemm.hpp"
#include "sample.hpp"
#include "threads.hpp"

namespace {

constexpr int TILE = 48;  // pixels of a row worked on together
constexpr int SLACK = 16;  // numbers and pixels that blocked loops may read beyond an end

struct Shape {
  int64_t batch, height, width, channels, outputs, kernel;
};

inline int padded_channels(int64_t channels) { return channels <= 4 ? 4 : int((channels + 7) / 8 * 8); }
inline int64_t whole(int64_t count, int64_t parts) { return (count + parts - 1) / parts; }

// Rows and columns of zeros round an image: a point beyond them reads nothing else, nor does a tap.
inline int64_t margin_of(const Shape& s) { return std::max<int64_t>(2, s.kernel / 2); }
inline int64_t numbers_of_row(const Shape& s) {
  return (s.width + 2 * margin_of(s) + SLACK) * padded_channels(s.channels);
}

// How the rows of the images are cut: a point lies at most `reach` rows from its tap.
struct Bands {
  int64_t rows, per_image, count, above, below;

  // bytes: of a number, in all windows of a band. apart: windows of every second band must not meet.
  Bands(const Shape& s, double reach, size_t bytes, bool apart) {
    const int64_t far = int64_t(std::ceil(std::min(reach, double(s.height + s.kernel + 2))));
    above = s.kernel / 2 + far;
    below = s.kernel / 2 + far + 1;
    // A band's windows stay in a core's second cache, its halo is no more than the band.
    rows = std::max<int64_t>({int64_t(400e3 / (bytes * numbers_of_row(s))) - above - below, above + below, 8});
    // Enough of them for many threads, and never by their number: the order of sums is the same on every machine.
    const int64_t fair = std::max<int64_t>(1, whole(s.height * s.batch, 32));
    rows = std::min({rows, std::max(fair, apart ? above + below : 1), s.height});
    per_image = whole(s.height, rows);
    count = per_image * s.batch;
    if (std::min(rows + above + below, s.height + 2 * margin_of(s)) * numbers_of_row(s) >= int64_t(1) << 31)
      throw std::length_error("a place does not fit in 32 bits");
  }
};

// One thread's view of one band.
template <class T>
class Band {
 public:
  static constexpr int L = LANES<T>;

  const Shape& s;
  const int taps, pairs, reach, channels, depth;  // depth: numbers of a pixel's samples
  const int margin;
  int64_t image, first, end;       // rows of the band
  int64_t window_first, window_end;  // rows of the image in the window
  long row_step;
  std::vector<const T*> runs;  // of the taps, a row of them each
  Window<T> x;
  T *raw, *tanhs, *fraction, *samples, *grad_samples, *grad_points;
  Full<T>* point_sums;
  int32_t* place;

  Band(const Shape& shape, const Bands& bands, int64_t index)
      : s(shape), taps(int(s.kernel * s.kernel)), pairs(2 * taps), reach(int(s.kernel / 2)),
        channels(padded_channels(s.channels)), depth(int(whole(taps * channels, L) * L)),
        margin(int(margin_of(shape))), image(index / bands.per_image), first(index % bands.per_image * bands.rows),
        end(std::min(first + bands.rows, s.height)), window_first(std::max<int64_t>(-margin, first - bands.above)),
        window_end(std::min(s.height + margin, end + bands.below)), row_step(numbers_of_row(s)), runs(s.kernel) {
    static thread_local Buffer<T> window, numbers;
    static thread_local Buffer<int32_t> places;
    x = {window.get(window_numbers() + SLACK * 4), row_step, channels};
    T* at = numbers.get(size_t(TILE + 4) * (4 * pairs + taps * L + 2 * depth) + L * L + 12 * 64);
    auto take = [&](size_t count) { return std::exchange(at, at + (count + 63) / 64 * 64); };
    raw = take(size_t(TILE + 4) * pairs + L);
    tanhs = take(size_t(TILE) * pairs + L);
    fraction = take(size_t(TILE) * pairs + L);
    samples = take(size_t(TILE + 4) * depth);
    grad_samples = take(size_t(TILE + 4) * depth);
    grad_points = take(size_t(TILE) * pairs + L);
    point_sums = reinterpret_cast<Full<T>*>(take(size_t(TILE) * taps * L + L * L));
    place = places.get(size_t(TILE) * taps + SLACK);
    fill_pattern();
  }

  size_t window_numbers() const { return size_t(window_end - window_first) * row_step; }

  // Where the taps of the pixel read when nothing moves them: its runs of the offset convolution.
  const T* tap_row(int64_t row, int ky, int64_t column) const {
    return x.at(row - reach + ky - window_first, column - reach + margin);
  }

  // Copies the window's rows of an image (H, W, C), zeros round it.
  void copy(const T* from) {
    const int64_t c = s.channels, rows = window_end - window_first;
    for (int64_t r = 0; r < rows; ++r) {
      T* to = x.data + r * row_step;
      const int64_t row = window_first + r;
      if (row < 0 || row >= s.height) {
        std::fill(to, to + row_step, T(0));
        continue;
      }
      const T* source = from + ((image * s.height + row) * s.width) * c;
      T* inner = to + margin * channels;
      std::fill(to, inner, T(0));
      if (c == channels)
        std::copy(source, source + s.width * c, inner);
      else
        for (int64_t p = 0; p < s.width; ++p) {
          std::copy(source + p * c, source + (p + 1) * c, inner + p * channels);
          std::fill(inner + p * channels + c, inner + (p + 1) * channels, T(0));
        }
      std::fill(inner + s.width * channels, to + row_step, T(0));
    }
  }

  // Offsets of `pixels` pixels of a row, as they are or behind scope * tanh: each point's place and fraction.
  // The fraction is that of the offset alone, so it loses nothing far from the image's corner.
  void locate(const T* offsets, bool bounded, T scope, int64_t row, int64_t column, int pixels) {
    using V = Full<T>;
    using I = Vec<int32_t, L>;
    const int32_t origin[] = {int32_t(row - reach - window_first), int32_t(column - reach + margin)};
    const int32_t least[] = {int32_t(std::max<int64_t>(window_first, -2) - window_first), margin - 2};
    const int32_t most[] = {int32_t(std::min(s.height, window_end - 2) - window_first), int32_t(s.width + margin)};
    I base, low, high;
    for (int i = 0; i < L; ++i) base[i] = origin[i % 2], low[i] = least[i % 2], high[i] = most[i % 2];
    const int32_t* steps = pattern();
    auto corner = [&](int i) {
      V o = load<V>(offsets + i);
      if (bounded) {
        o = tanh(o);
        store(tanhs + i, o);
        o *= scope;
      }
      const V near = floor(bounded ? o : limit<T>(o, T(1 << 22)));
      store(fraction + i, o - near);
      I at = __builtin_convertvector(near, I) + base + load<I>(steps + i);
      at = at < low ? low : at;  // a NaN too
      return at > high ? high : at;
    };
    const auto lanes = std::make_integer_sequence<int, L>();
    for (int i = 0; i < pixels * pairs; i += 2 * L) {
      const I one = corner(i), two = corner(i + L);
      store(place + i / 2, every_second<0>(one, two, lanes) * int32_t(row_step) + every_second<1>(one, two, lanes) * channels);
    }
  }

  template <class Body>
  void for_tiles(const Body& body) const {
    for (int64_t column = 0; column < s.width; column += TILE)
      body(column, int(std::min<int64_t>(TILE, s.width - column)));
  }

  void take_samples(int pixels) {
    with_vector([&](auto n, auto dense, auto unrolled) {
      sample<T, n(), dense(), unrolled()>(x, {pixels, taps, place, fraction}, samples, depth);
    });
  }

  // The samples, with their gradient at hand: that of x is added to `grad_x` unless that is null, that of the offsets
  // is written (`bounded`: of what the tanh was taken of).
  void take_gradients(T* grad_x, bool bounded, T scope, int pixels, T* grad_offsets) {
    with_vector([&](auto n, auto dense, auto unrolled) {
      const auto run = grad_x ? spread<T, n(), dense(), unrolled(), true> : spread<T, n(), dense(), unrolled(), false>;
      run(x, grad_x, {pixels, taps, place, fraction}, grad_samples, samples, depth, point_sums);
    });
    half_sums<T>(point_sums, pixels * taps, grad_points);
    if (bounded)
      for (int i = 0; i < pixels * pairs; ++i) grad_points[i] *= scope * (1 - tanhs[i] * tanhs[i]);
    std::copy(grad_points, grad_points + pixels * pairs, grad_offsets);
  }

  // Adds the rows of a window of gradients that lie in the image to it.
  void add_to(T* to, const T* window) const {
    for (int64_t row = std::max<int64_t>(0, window_first); row < std::min(s.height, window_end); ++row) {
      const T* from = window + (row - window_first) * row_step + margin * channels;
      T* at = to + (image * s.height + row) * s.width * s.channels;
      if (s.channels != channels)
        for (int64_t p = 0; p < s.width; ++p)
          for (int64_t i = p * channels, c = 0; c < s.channels; ++c, ++i)
            at[p * s.channels + c] += from[i];
      else
        for (int64_t i = 0; i < s.width * channels; ++i) at[i] += from[i];
    }
  }

  // Calls f with the channels that a vector of the sampling holds, whether they are all there are, and the taps to
  // unroll.
  template <class F>
  void with_vector(const F& f) const {
    constexpr std::false_type no;
    constexpr std::true_type yes;
    constexpr std::integral_constant<int, 0> any;
    constexpr std::integral_constant<int, 9> nine;
    if (channels % L == 0)
      taps == 9 ? f(std::integral_constant<int, L>(), no, nine) : f(std::integral_constant<int, L>(), no, any);
    else if (channels == L / 2)
      taps == 9 ? f(std::integral_constant<int, L / 2>(), yes, nine) : f(std::integral_constant<int, L / 2>(), yes, any);
    else if (L >= 16 && channels == L / 4)
      f(std::integral_constant<int, (L >= 16 ? L / 4 : L)>(), std::bool_constant<(L >= 16)>(), any);
    else
      f(std::integral_constant<int, (L >= 8 ? L / 2 : L)>(), no, any);
  }

 private:
  // Rows and columns of taps, and of pixels, counted from the first pixel's first tap.
  void fill_pattern() {
    static thread_local int filled = 0;
    int32_t* to = pattern(TILE * pairs + 2 * SLACK);
    if (filled == pairs) return;
    for (int p = 0; p < TILE; ++p)
      for (int n = 0; n < taps; ++n) {
        *to++ = n / int(s.kernel);
        *to++ = n % int(s.kernel) + p;
      }
    filled = pairs;
  }
  static int32_t* pattern(size_t numbers = 0) {
    static thread_local Buffer<int32_t> buffer;
    return buffer.get(numbers);
  }
};

}  // namespace
