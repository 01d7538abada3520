// The two products that the layer is made of, in blocks that stay in registers.
#pragma once
#include <algorithm>
#include <vector>

#include "vec.hpp"

namespace {

constexpr int GROUP = 12;  // pixels that share one load of weights

// out[p][n] (+)= bias[n] + sum_k in[p][k] w[k][n]. A pixel's k lie in `segments` runs of `length` numbers.
//
// Up to a vector's lanes of outputs make a block. A block with few outputs gives each of them `split` lanes, which
// share the sum over k: no lane idles for 8, 4 or 2 outputs.
template <class T>
class Product {
 public:
  static constexpr int L = LANES<T>;

  // weight(segment, position, output)
  template <class Weight>
  Product(int segments, int length, int outputs, Weight weight, const T* bias = nullptr)
      : segments_(segments), length_(length) {
    for (int first = 0; first < outputs; first += L) {
      const int count = std::min(L, outputs - first);
      int split = 1;
      while (split < 8 && count * split * 2 <= L && length % (split * 2) == 0) split *= 2;
      blocks_.push_back({first, count, split, packed_.size()});
      for (int s = 0; s < segments; ++s)
        for (int k = 0; k < length; k += split)
          for (int lane = 0; lane < L; ++lane) {
            const int n = lane / split;
            packed_.push_back(n < count ? weight(s, k + lane % split, first + n) : T(0));
          }
    }
    bias_.assign((outputs + L - 1) / L * L, T(0));
    if (bias) std::copy(bias, bias + outputs, bias_.begin());
  }

  // in[s]: the first pixel's run s; a pixel's runs lie `step` numbers behind those of the pixel before.
  // Reads up to 3 pixels beyond `pixels`, writes none of them.
  template <bool ADD>
  void run(const T* const* in, long step, int pixels, T* out, long out_step) const {
    for (int p = 0; p < pixels; p += GROUP) {
      const int left = std::min(GROUP, pixels - p);
      if (left > 8)
        group<ADD, 12>(in, step, p, left, out, out_step);
      else if (left > 4)
        group<ADD, 8>(in, step, p, left, out, out_step);
      else
        group<ADD, 4>(in, step, p, left, out, out_step);
    }
  }

 private:
  struct Block {
    int first, count, split;
    size_t packed;
  };
  int segments_, length_;
  std::vector<Block> blocks_;
  std::vector<T> packed_, bias_;

  template <bool ADD, int P>
  void group(const T* const* in, long step, int p, int left, T* out, long out_step) const {
    for (size_t b = 0; b < blocks_.size(); ++b) {
      const Block& block = blocks_[b];
      if (MANY_REGISTERS && b + 1 < blocks_.size() && block.split == 1 && blocks_[b + 1].split == 1) {
        const Block& next = blocks_[++b];
        two_blocks<ADD, P>(block, next, in, step, p, left, out, out_step);
      } else {
        switch (block.split) {
          case 1: one_block<ADD, P, 1>(block, in, step, p, left, out, out_step); break;
          case 2: one_block<ADD, P, 2>(block, in, step, p, left, out, out_step); break;
          case 4: one_block<ADD, P, 4>(block, in, step, p, left, out, out_step); break;
          case 8:
            if constexpr (L >= 8) one_block<ADD, P, 8>(block, in, step, p, left, out, out_step);
        }
      }
    }
  }

  // Pixel i of a group, by few enough pointers that they stay in registers.
  struct Cursor {
    const char *a, *b, *c, *d;
    long one, three;

    INLINE Cursor(const T* first, long step)
        : a((const char*)first), b(a + 4 * step * sizeof(T)), c(a + 8 * step * sizeof(T)),
          d(a + 12 * step * sizeof(T)), one(step * sizeof(T)), three(3 * one) {}
    INLINE const T* pixel(int i) const {
      const char* at = i < 4 ? a : i < 8 ? b : i < 12 ? c : d;
      return (const T*)(i % 4 == 0 ? at : i % 4 == 1 ? at + one : i % 4 == 2 ? at + 2 * one : at + three);
    }
    INLINE void move(int numbers) {
      const long bytes = numbers * sizeof(T);
      a += bytes, b += bytes, c += bytes, d += bytes;
    }
  };

  template <bool ADD, int P, int Q>
  void one_block(const Block& block, const T* const* in, long step, int p, int left, T* out, long out_step) const {
    Full<T> sum[P] = {};
    const T* w = packed_.data() + block.packed;
    const bool slides = length_ == 3 * step && step % Q == 0;
    for (int s = 0; s < segments_; ++s) {
      Cursor from(in[s] + p * step, step);
      if (slides) {
        // A row of a 3x3 convolution: the runs of neighbours overlap, so each number is loaded once for three taps.
        const long tap = step / Q * L;
        for (int k = 0; k < step; k += Q, w += L, from.move(Q)) {
          const Full<T> first = load<Full<T>>(w), second = load<Full<T>>(w + tap), third = load<Full<T>>(w + 2 * tap);
#pragma GCC unroll 14
          for (int i = 0; i < P + 2; ++i) {
            const Full<T> value = load_repeated<Q>(from.pixel(i));
            if (i < P) sum[i] += value * first;
            if (i > 0 && i <= P) sum[i - 1] += value * second;
            if (i > 1) sum[i - 2] += value * third;
          }
        }
        w += 2 * tap;
        continue;
      }
      for (int k = 0; k < length_; k += Q, w += L, from.move(Q)) {
        const Full<T> weight = load<Full<T>>(w);
#pragma GCC unroll 12
        for (int i = 0; i < P; ++i) sum[i] += load_repeated<Q>(from.pixel(i)) * weight;
      }
    }
    write<ADD, P, Q>(sum, block, left, out + p * out_step, out_step);
  }

  template <bool ADD, int P>
  void two_blocks(const Block& b, const Block& c, const T* const* in, long step, int p, int left, T* out,
                  long out_step) const {
    Full<T> sum[P] = {}, more[P] = {};
    const T *w = packed_.data() + b.packed, *v = packed_.data() + c.packed;
    for (int s = 0; s < segments_; ++s) {
      Cursor from(in[s] + p * step, step);
      for (int k = 0; k < length_; ++k, w += L, v += L, from.move(1)) {
        const Full<T> weight = load<Full<T>>(w), other = load<Full<T>>(v);
#pragma GCC unroll 12
        for (int i = 0; i < P; ++i) {
          const Full<T> value = fill<Full<T>>(*from.pixel(i));
          sum[i] += value * weight;
          more[i] += value * other;
        }
      }
    }
    write<ADD, P, 1>(sum, b, left, out + p * out_step, out_step);
    write<ADD, P, 1>(more, c, left, out + p * out_step, out_step);
  }

  template <bool ADD, int P, int Q>
  INLINE void write(const Full<T> (&sum)[P], const Block& b, int left, T* out, long out_step) const {
    const Full<T> bias = load<Full<T>>(bias_.data() + b.first);
    out += b.first;
    if (Q == 1 && b.count == L) {
#pragma GCC unroll 12
      for (int i = 0; i < P; ++i)
        if (i < left) put<ADD, L>(sum[i] + bias, out + i * out_step);
      return;
    }
    Full<T> kept[P];
#pragma GCC unroll 12
    for (int i = 0; i < P; ++i) kept[i] = sum[i];
    write_part<ADD, Q>(kept, bias, b.count, left, out, out_step);
  }

  // Blocks that do not fill a vector; their lanes of one output are added up first.
  template <bool ADD, int Q>
  static __attribute__((noinline)) void write_part(const Full<T>* sums, const Full<T>& bias, int count, int pixels,
                                                   T* out, long out_step) {
    for (int i = 0; i < pixels; ++i, out += out_step) {
      Full<T> sum = sums[i];
      if constexpr (Q >= 2) sum = add_neighbours<T>(sum, sum);
      if constexpr (Q >= 4) sum = add_neighbours<T>(sum, sum);
      if constexpr (Q >= 8) sum = add_neighbours<T>(sum, sum);
      sum += bias;
      if (2 * count == L)
        put<ADD, L / 2>(sum, out);
      else if (4 * count == L)
        put<ADD, L / 4>(sum, out);
      else if (count == 2)
        put<ADD, 2>(sum, out);
      else
        for (int n = 0; n < count; ++n) out[n] = ADD ? out[n] + sum[n] : sum[n];
    }
  }
  template <bool ADD, int N>
  static INLINE void put(const Full<T>& sum, T* out) {
    Vec<T, N> value;
    std::memcpy(&value, &sum, sizeof value);
    if constexpr (ADD) value += load<Vec<T, N>>(out);
    store(out, value);
  }
};

template <int NA, int NB, class T>
INLINE void outer_block(const T* a, long a_step, const T* b, long b_step, int pixels, T* sum, long sum_step) {
  Full<T> acc[NA][NB] = {};
  for (int p = 0; p < pixels; ++p, a += a_step, b += b_step) {
    Full<T> right[NB];
#pragma GCC unroll 8
    for (int j = 0; j < NB; ++j) right[j] = load<Full<T>>(b + j * LANES<T>);
#pragma GCC unroll 8
    for (int i = 0; i < NA; ++i) {
      const Full<T> left = fill<Full<T>>(a[i]);
#pragma GCC unroll 8
      for (int j = 0; j < NB; ++j) acc[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < NA; ++i)
    for (int j = 0; j < NB; ++j) {
      T* at = sum + i * sum_step + j * LANES<T>;
      store(at, load<Full<T>>(at) + acc[i][j]);
    }
}

// sum[i][j] += sum_p a[p][i] b[p][j], i < rows. j runs to `columns` rounded up to whole vectors: what lies behind
// a row of b and of sum may be read and written there.
template <class T>
void outer(const T* a, long a_step, int rows, const T* b, long b_step, int columns, int pixels, T* sum,
           long sum_step) {
  constexpr int L = LANES<T>;
  for (int j = 0; j < columns;) {
    const int vectors = (columns - j + L - 1) / L;
    const int nb = MANY_REGISTERS && vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1;
    for (int i = 0; i < rows;) {
      const int left = rows - i;
      const int na = left >= 6 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      const T *from = a + i, *right = b + j;
      T* to = sum + i * sum_step + j;
#define CASE(A, B) \
  if (na == A && nb == B) outer_block<A, B>(from, a_step, right, b_step, pixels, to, sum_step);
      CASE(6, 4) CASE(4, 4) CASE(2, 4) CASE(1, 4) CASE(6, 2) CASE(4, 2) CASE(2, 2) CASE(1, 2)
      CASE(6, 1) CASE(4, 1) CASE(2, 1) CASE(1, 1)
#undef CASE
      i += na;
    }
    j += nb * L;
  }
}

}  // namespace
