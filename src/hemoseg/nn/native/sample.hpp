// Bilinear sampling of channel vectors (Eq. 3-5 of scd2018) and its derivatives.
#pragma once
#include "vec.hpp"

namespace {

// Rows of an image, (row, column, channel), with zeros round the image as far as any point is read.
// Channels are padded to `channels`; positions count from the window's first row and column.
template <class T>
struct Window {
  T* data;
  long row_step;
  int channels;

  INLINE T* at(long row, long column) const { return data + row * row_step + column * channels; }
};

// The four pixels round a point, as (first | second) column of the upper and of the lower row; N channels of each.
template <class T, int N, bool DENSE>
struct Corners {
  Vec<T, 2 * N> top, bottom;

  INLINE Corners(const T* from, long row_step, int channels) {
    if constexpr (DENSE) {  // a pixel is N channels: the second column lies right behind the first
      top = load<Vec<T, 2 * N>>(from);
      bottom = load<Vec<T, 2 * N>>(from + row_step);
    } else {
      top = join<T, N>(load<Vec<T, N>>(from), load<Vec<T, N>>(from + channels));
      bottom = join<T, N>(load<Vec<T, N>>(from + row_step), load<Vec<T, N>>(from + row_step + channels));
    }
  }
};

// Calls body(tap) for all taps: unrolled for 3x3 kernels, whose loop would cost as much as its contents.
template <int TAPS, class Body>
INLINE void for_taps(int taps, const Body& body) {
  if constexpr (TAPS > 0) {
#pragma GCC unroll 9
    for (int n = 0; n < TAPS; ++n) body(n);
  } else {
    for (int n = 0; n < taps; ++n) body(n);
  }
}

// Points of some pixels: of each tap the place of its upper left pixel in the window, and (y, x) beyond it.
template <class T>
struct Points {
  int pixels, taps;
  const int32_t* place;
  const T* fraction;
};

// samples[p][tap][channel]
template <class T, int N, bool DENSE, int TAPS>
void sample(const Window<T>& x, const Points<T>& points, T* samples, long samples_step) {
  const T* const data = x.data;
  const long below = x.row_step;
  const int channels = DENSE ? N : x.channels, taps = TAPS ? TAPS : points.taps;
  const int32_t* place = points.place;
  const T* fraction = points.fraction;
  for (int p = 0; p < points.pixels; ++p, place += taps, fraction += 2 * taps, samples += samples_step)
    for_taps<TAPS>(taps, [&](int n) __attribute__((always_inline)) {
      const T* from = data + place[n];
      const T fy = fraction[2 * n], fx = fraction[2 * n + 1];
      T* to = samples + n * channels;
      for (int c = 0; c < channels; c += N) {
        if constexpr (2 * N <= LANES<T>) {
          const Corners<T, N, DENSE> q(from + c, below, channels);
          const Vec<T, 2 * N> sides = q.top + fy * (q.bottom - q.top);
          const Vec<T, N> left = lower<T, 2 * N>(sides), right = upper<T, 2 * N>(sides);
          store(to + c, left + fx * (right - left));
        } else {
          using V = Vec<T, N>;
          const V a = load<V>(from + c), b = load<V>(from + channels + c);
          const V left = a + fy * (load<V>(from + below + c) - a);
          const V right = b + fy * (load<V>(from + below + channels + c) - b);
          store(to + c, left + fx * (right - left));
        }
      }
    });
}

// Sums of the lanes of `count` vectors, two of each: (lower half, upper half), in their order, in whole vectors.
template <class T>
void half_sums(const Full<T>* vectors, int count, T* to) {
  constexpr int EACH = LANES<T> / 2;
  for (int first = 0; first < count; first += EACH, to += LANES<T>) {
    Full<T> v[EACH];
#pragma GCC unroll 8
    for (int i = 0; i < EACH; ++i) v[i] = vectors[first + i];
#pragma GCC unroll 3
    for (int n = EACH / 2; n; n /= 2)
#pragma GCC unroll 4
      for (int i = 0; i < n; ++i) v[i] = add_neighbours<T>(v[2 * i], v[2 * i + 1]);
    store(to, v[0]);
  }
}

template <class T, int N>
INLINE void add_at(T* at, Vec<T, N> value) {
  store(at, load<Vec<T, N>>(at) + value);
}

// Samples as above, and from their gradient that of the points (Eq. 4's right-hand derivative): half_sums of
// point_sums[p][tap] are its (y, x). With TO_X the image's gradient is added to the window grad_x.
template <class T, int N, bool DENSE, int TAPS, bool TO_X>
void spread(const Window<T>& x, T* grad_x, const Points<T>& points, const T* grad_samples, T* samples,
            long samples_step, Full<T>* point_sums) {
  constexpr int L = LANES<T>;
  constexpr bool PAIRED = 2 * N <= L;
  constexpr int WIDTH = PAIRED ? 2 * N : N;
  using V = Vec<T, N>;
  using Wide = Vec<T, WIDTH>;
  const T* const data = x.data;
  const long below = x.row_step;
  const int channels = DENSE ? N : x.channels, taps = TAPS ? TAPS : points.taps;
  const int32_t* place = points.place;
  const T* fraction = points.fraction;
  for (int p = 0; p < points.pixels; ++p) {
    for_taps<TAPS>(taps, [&](int n) __attribute__((always_inline)) {
      const long at = place[n];
      const T fy = fraction[2 * n], fx = fraction[2 * n + 1];
      Wide sum_y = {};
      V sum_x = {};
      for (int c = 0; c < channels; c += N) {
        const T* from = data + at + c;
        T* to = grad_x + at + c;
        const V g = load<V>(grad_samples + n * channels + c), g_right = g * fx, g_left = g - g_right;
        V left, right;
        if constexpr (PAIRED) {
          const Corners<T, N, DENSE> q(from, below, channels);
          const Vec<T, 2 * N> fall = q.bottom - q.top, sides = q.top + fy * fall, both = join<T, N>(g_left, g_right);
          sum_y += both * fall;
          left = lower<T, 2 * N>(sides), right = upper<T, 2 * N>(sides);
        } else {
          const V a = load<V>(from), b = load<V>(from + channels);
          const V fall_left = load<V>(from + below) - a, fall_right = load<V>(from + below + channels) - b;
          sum_y += g_left * fall_left;
          sum_y += g_right * fall_right;
          left = a + fy * fall_left, right = b + fy * fall_right;
        }
        const V rise = right - left;
        sum_x += g * rise;
        store(samples + n * channels + c, left + fx * rise);
        if constexpr (TO_X) {  // in vectors of a pixel: a load that spans two stores under way waits for both
          add_at<T, N>(to, g_left - g_left * fy);
          add_at<T, N>(to + channels, g_right - g_right * fy);
          add_at<T, N>(to + below, g_left * fy);
          add_at<T, N>(to + below + channels, g_right * fy);
        }
      }
      if constexpr (N == L)
        point_sums[n] = add_neighbours<T>(sum_y, sum_x);
      else if constexpr (2 * N == L)
        point_sums[n] = join<T, N>(lower<T, L>(sum_y) + upper<T, L>(sum_y), sum_x);
      else
        point_sums[n] = join<T, 2 * N>(sum_y, join<T, N>(sum_x, V{}));
    });
    place += taps, fraction += 2 * taps, point_sums += taps;
    grad_samples += samples_step, samples += samples_step;
  }
}

}  // namespace
