// Vectors of the compiler's own kind (GCC and Clang), as wide as the instruction set that is compiled for.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define HEMOSEG_VECTOR_BYTES 64
#elif defined(__AVX__)
#define HEMOSEG_VECTOR_BYTES 32
#else
#define HEMOSEG_VECTOR_BYTES 16
#endif
#define INLINE inline __attribute__((always_inline))

namespace {

// 32 vector registers in AVX-512 and on ARM, 16 in the others.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr bool MANY_REGISTERS = true;
#else
constexpr bool MANY_REGISTERS = false;
#endif

template <class T, int N>
struct VectorOf {
  typedef T type __attribute__((vector_size(N * sizeof(T))));
};
template <class T, int N>
using Vec = typename VectorOf<T, N>::type;

// Lanes of a full vector; never under 4, which the dot products of the offsets' gradient need.
template <class T>
constexpr int LANES = HEMOSEG_VECTOR_BYTES / sizeof(T) < 4 ? 4 : HEMOSEG_VECTOR_BYTES / sizeof(T);
template <class T>
using Full = Vec<T, LANES<T>>;
template <class T>
using Int = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

typedef double Unaligned __attribute__((may_alias, aligned(4)));

template <class V, class T>
INLINE V load(const T* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class V, class T>
INLINE void store(T* to, const V& value) {
  std::memcpy(to, &value, sizeof value);
}
template <class V, class T>
INLINE V fill(T value) {
  return value - V{};
}

template <int Q, int... I, class V>
INLINE auto repeat_lanes(V value, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(value, value, (I % Q)...);
}
// Q neighbouring numbers, repeated over all lanes.
template <int Q, class T>
INLINE Full<T> load_repeated(const T* from) {
  constexpr int L = LANES<T>, bytes = Q * sizeof(T);
  if constexpr (Q == 1)
    return fill<Full<T>>(*from);
  else if constexpr (Q == L)
    return load<Full<T>>(from);
  else if constexpr (bytes == 8)
    return (Full<T>)fill<Vec<double, L / 2>>(*reinterpret_cast<const Unaligned*>(from));
#if defined(__AVX512F__)
  else if constexpr (bytes == 16)
    return (Full<T>)_mm512_broadcast_f32x4(load<__m128>(from));
  else if constexpr (bytes == 32)
    return (Full<T>)_mm512_broadcast_f64x4(load<__m256d>(from));
#elif defined(__AVX__)
  else if constexpr (bytes == 16)
    return (Full<T>)_mm256_broadcast_ps(reinterpret_cast<const __m128*>(from));
#endif
  else
    return repeat_lanes<Q>(load<Vec<T, Q>>(from), std::make_integer_sequence<int, L>());
}

// [a | b]
template <int... I, class V>
INLINE auto join(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, I...);
}
template <class T, int N>
INLINE Vec<T, 2 * N> join(Vec<T, N> a, Vec<T, N> b) {
  return join(a, b, std::make_integer_sequence<int, 2 * N>());
}
template <int FIRST, int... I, class V>
INLINE auto cut(V value, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(value, value, (FIRST + I)...);
}
template <class T, int N>
INLINE Vec<T, N / 2> lower(Vec<T, N> value) {
  return cut<0>(value, std::make_integer_sequence<int, N / 2>());
}
template <class T, int N>
INLINE Vec<T, N / 2> upper(Vec<T, N> value) {
  return cut<N / 2>(value, std::make_integer_sequence<int, N / 2>());
}

template <int... I, class V>
INLINE V add_neighbours(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (2 * I)...) + __builtin_shufflevector(a, b, (2 * I + 1)...);
}
// Sums of neighbouring lanes: those of a in the lower half, those of b in the upper.
template <class T>
INLINE Full<T> add_neighbours(Full<T> a, Full<T> b) {
  return add_neighbours(a, b, std::make_integer_sequence<int, LANES<T>>());
}

template <int PART, int... I, class V>
INLINE auto every_second(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (2 * I + PART)...);
}

// x within [-bound, bound]; a NaN stays one.
template <class T>
INLINE Full<T> limit(Full<T> x, T bound) {
  const Full<T> most = fill<Full<T>>(bound);
  x = most < x ? most : x;
  return -most > x ? -most : x;
}

// float: a rational function fitted to tanh on [-9, 9], relative error 2e-8 before rounding, 4e-7 with it.
INLINE Full<float> tanh(Full<float> x) {
  x = limit<float>(x, 9);
  const Full<float> z = x * x;
  const Full<float> p =
      (((1.3356355793689833e-08f * z + 2.0610446930416647e-05f) * z + 3.495676958902447e-03f) * z + 0.13381102317877616f) *
          z + 0.9999999796145425f;
  const Full<float> q =
      (((7.777294053298289e-07f * z + 3.2857759898821014e-04f) * z + 2.587732604154379e-02f) * z + 0.4671441798344883f) *
          z + 1.0f;
  return limit<float>(x * p / q, 1);
}

// double: m / (m + 2), m = exp(2x) - 1, which is exact for small x too; exp by its series on |r| <= ln(2) / 2.
INLINE Full<double> tanh(Full<double> x) {
  using V = Full<double>;
  using I = Vec<int64_t, LANES<double>>;
  const V y = 2 * limit<double>(x, 20);
  const V scaled = y * 1.4426950408889634074;
  const I n = __builtin_convertvector(scaled + (scaled < 0 ? fill<V>(-0.5) : fill<V>(0.5)), I);
  const V whole = __builtin_convertvector(n, V);
  // ln 2 in two parts: the first has few enough bits that its product with n is exact.
  const V r = (y - whole * 0.693147180369123816490) - whole * 1.90821492927058770002e-10;
  V m = fill<V>(1. / 6227020800);
  for (double factorial : {479001600., 39916800., 3628800., 362880., 40320., 5040., 720., 120., 24., 6., 2., 1.})
    m = m * r + 1 / factorial;
  m *= r;
  const I bits = (n + 1023) << 52;
  const V power = (V)bits;
  m = power * m + (power - 1);
  return limit<double>(m / (m + 2), 1);
}

// The whole number at or below x.
INLINE Full<float> floor(Full<float> x) {
#if defined(__AVX512F__)
  return (Full<float>)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#elif defined(__AVX__)
  return (Full<float>)_mm256_floor_ps((__m256)x);
#else
  for (int i = 0; i < LANES<float>; ++i) x[i] = std::floor(x[i]);
  return x;
#endif
}
INLINE Full<double> floor(Full<double> x) {
  for (int i = 0; i < LANES<double>; ++i) x[i] = std::floor(x[i]);
  return x;
}

}  // namespace
