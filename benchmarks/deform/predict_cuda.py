"""What the deformable U-Net should cost on a GPU, from counts alone: a table to hold a later measurement against.

    python benchmarks/deform/predict_cuda.py [--json FILE]

Nothing here is measured. A layer takes the longer of its multiply-adds at the device's peak and its bytes at its
bandwidth, both from the data sheet; batch norm and ReLU, which both networks have, are bytes alone.
"""

import argparse
import json
from pathlib import Path

from counting import Layer, layers_of_unet, moved_bytes, operations

# NVIDIA's data sheets: operations per second by type of number (float32 outside the matrix units), bytes per second.
DEVICES = {
    "H100 SXM": {"float32": 67e12, "bfloat16": 989e12, "bytes": 3.35e12},
    "H200 SXM": {"float32": 67e12, "bfloat16": 989e12, "bytes": 4.8e12},
}
BYTES = {"float32": 4, "bfloat16": 2}
# Passes over a layer's output that batch norm and ReLU take: a prediction clips (2), its norms are folded; a step
# measures, normalises and clips (1 + 2 + 2) and goes back through the clip and twice through the norm (3 + 2 + 3).
NORM_PASSES = {False: 2, True: 13}
# Sampling runs in float32 outside the matrix units whatever the products are made of.
SAMPLING = ("sampling", "gradient_of_offsets")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file that gets all rows")
    args = parser.parse_args()
    rows = [
        predict(device, precision, width, training)
        for device in DEVICES
        for precision in BYTES
        for width in (8, 32)
        for training in (False, True)
    ]
    print("predicted from counts, 512x512 B4, nothing measured")
    for row in rows:
        print(
            f"{row['device']} {row['precision']:8} width {row['width']:2} {row['task']:13} "
            f"plain {row['plain_ms']:6.2f} ms, triton {row['triton_ms']:6.2f} ms, ratio {row['ratio']:.2f}"
        )
    if args.json:
        args.json.write_text(json.dumps({"status": "predicted, not measured", "rows": rows}, indent=1) + "\n")


def predict(device: str, precision: str, width: int, training: bool) -> dict:
    """Milliseconds of the plain and the deformable network on a batch of four images of 512x512."""
    layers = layers_of_unet(512, 4, width=width)
    row = {
        "device": device,
        "precision": precision,
        "width": width,
        "task": "training_step" if training else "prediction",
    }
    for form in ("plain", "triton"):
        seconds = sum(_seconds(layer, form, DEVICES[device], precision, training) for layer in layers)
        row[f"{form}_ms"] = round(1e3 * seconds, 3)
    return row | {"ratio": round(row["triton_ms"] / row["plain_ms"], 2)}


def _seconds(layer: Layer, form: str, peaks: dict[str, float], precision: str, training: bool) -> float:
    parts = operations(layer, form, training=training)
    # The gradient of the input and what is computed anew hold sampling too; the smaller rate is the safe reading.
    slow = sum(parts.get(name, 0) for name in (*SAMPLING, "recomputed"))
    compute = 2 * slow / peaks["float32"] + 2 * (sum(parts.values()) - slow) / peaks[precision]
    size = BYTES[precision] / BYTES["float32"]
    moved = size * moved_bytes(layer, form, training=training)
    norm = NORM_PASSES[training] * layer.pixels * layer.outputs * (4 if layer.transposed else 1) * BYTES[precision]
    return max(compute, moved / peaks["bytes"]) + norm / peaks["bytes"]


if __name__ == "__main__":
    main()
