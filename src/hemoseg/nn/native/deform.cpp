// Deformable convolution with bounded offsets (Eq. 1-5 of scd2018) for processors, behind a plain C interface:
// nothing of it depends on the version of Python or torch.
#include <new>

#include "backward.hpp"
#include "forward.hpp"

namespace {

// 0, 1 where there is no memory, 2 where an image's rows are too long.
template <class Work>
int guarded(const Work& work) {
  try {
    work();
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  } catch (const std::length_error&) {
    return 2;
  }
}

}  // namespace

extern "C" {
int hemoseg_forward_f32(const Layer<float>* layer, float* y) {
  return guarded([&] { Forward<float>{*layer}.run(y); });
}
int hemoseg_forward_f64(const Layer<double>* layer, double* y) {
  return guarded([&] { Forward<double>{*layer}.run(y); });
}
int hemoseg_backward_f32(const Layer<float>* layer, const float* grad_y, const Gradients<float>* gradients) {
  return guarded([&] { Backward<float>{*layer, grad_y, *gradients}.run(); });
}
int hemoseg_backward_f64(const Layer<double>* layer, const double* grad_y, const Gradients<double>* gradients) {
  return guarded([&] { Backward<double>{*layer, grad_y, *gradients}.run(); });
}
}
