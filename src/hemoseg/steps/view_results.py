"""Write the viewer of an experiment: test images with truth, every row's prediction, differences, classes and boxes."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from hemoseg.figures import scores
from hemoseg.figures.viewer import Layer, Shown
from hemoseg.figures.words import origin_badges
from hemoseg.labels.components import connected_components
from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps import arguments
from hemoseg.steps.predicted import Predicted
from hemoseg.steps.results import Results
from hemoseg.steps.viewer_page import COLUMNS, Page, Wanted, write

SQUARE = 0.01  # most that a pixel's sides may differ for one size to hold for both


def main(argv: list[str]) -> None:
    """Parse the arguments, choose images, read and write."""
    parser = arguments.parser("view_results", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="the experiment, complete")
    parser.add_argument("--results", type=Path, required=True, help="folder of all results")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    results = Results(args.settings, args.results)
    dice = dice_of_images(results)
    chosen = spread(dice.mean(axis=1), args.settings["report"]["viewer"])
    predicted = {key: results.predicted(key, chosen) for key in results.labels}
    cells = {key: _probabilities(results, key) for key in results.labels}
    images = [
        Wanted(
            name, f"Dice {dice.loc[name].mean():.2f}", partial(_shown, results, name, dice.loc[name], predicted, cells)
        )
        for name in chosen
    ]
    shown, left_out = write(args.out, _page(results, len(dice), len(chosen)), images)
    print(f"{args.out}: {shown} test images" + (f"; {len(left_out)} left out, for want of room" if left_out else ""))


def dice_of_images(results: Results) -> pd.DataFrame:
    """Dice of every test image, a column per row of the table."""
    of_classes = scores.image_scores(results.pixels, empty="one", hausdorff_missing="skip")
    wide = scores.of_images(of_classes).pivot(index="sample", columns="model", values="dice")
    return wide[[key for key in results.labels if key in wide]]


def spread(values: pd.Series, most: int) -> list[str]:
    """Names of up to ``most`` images, evenly from the lowest value to the highest; those without a value come last."""
    ordered = list(values.sort_values(kind="stable", na_position="last").index)
    places = np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round().astype(int)
    return [str(ordered[place]) for place in dict.fromkeys(places.tolist())]


def _page(results: Results, tested: int, shown: int) -> Page:
    settings, samples = results.settings, results.samples
    (origin, _), _ = origin_badges(samples.info, settings)
    images = (
        f"{shown} of {tested} test images, evenly from the worst to the best"
        if shown < tested
        else f"{tested} test images, the worst first"
    )
    truth = "Auto-labels" if results.auto_labelled else "Truth"
    notes = [
        "Each row is shown with its first seed, on images that it did not train on. The order is that of the mean Dice "
        "of all rows.",
        "A cell is found where a predicted one has an IoU of at least one half with it and the same class.",
        "Outlines follow the pixels of what the models saw; larger pictures are JPEG, all are stretched where an image "
        "uses little of its range.",
    ]
    if not samples.has_instances:
        notes.append("Only classes are known of these images: their connected parts stand for cells.")
    return Page(
        title=f"{settings['title']}: every cell",
        subtitle=f"{origin} · {images} · scale {settings['scale']}",
        class_names=samples.class_names,
        chosen=settings["report"].get("colours"),
        truth_name=truth,
        home=f"{settings['experiment']}.html",
        home_words="The table",
        notes=notes,
    )


def _shown(
    results: Results,
    name: str,
    dice: pd.Series,
    predicted: dict[str, dict[str, Predicted]],
    cells: dict[str, pd.DataFrame],
) -> Shown:
    samples = results.samples
    (at,) = samples.index([name])
    image, size = samples.image(at), _pixel_size(results, at)
    classes = samples.classes[at]
    truth = samples.instances[at] if samples.has_instances else parts(classes, len(samples.class_names))
    measure = partial(_columns, image=image, class_names=samples.class_names, pixel_size=size)
    layers = [
        Layer("Auto-labels" if results.auto_labelled else "Truth", "truth", truth, classes, measure(truth, classes))
    ]
    for key, label in results.labels.items():
        if name not in predicted[key]:
            continue
        said = predicted[key][name]
        columns = measure(said.instances, said.classes)
        if (known := cells[key][cells[key]["sample"] == name])["cell"].size == len(columns["class"]):
            columns = {"class": columns["class"], "probability": known["probability"].to_numpy()} | columns
        layers.append(Layer(label, "prediction", said.instances, said.classes, columns, said.boxes))
    facts = {"Frame": samples.frames[at], "Patient or slide": samples.groups[at], "Kind": samples.kinds[at]}
    facts |= {f"Dice, {label}": f"{dice[key]:.3f}" for key, label in results.labels.items() if key in dice.dropna()}
    facts = {key: text for key, text in facts.items() if text}
    return Shown(name, image.shape[1:], samples.images[at], samples.white, layers, facts, size or float("nan"))


def parts(classes: np.ndarray, n_classes: int) -> np.ndarray:
    """Connected parts of each class of a map ``(H, W)`` as cells 1..n."""
    found = np.zeros(classes.shape, np.int32)
    for value in range(1, n_classes):
        of_class = connected_components(classes == value)
        found[of_class > 0] = of_class[of_class > 0] + found.max()
    return found


def _columns(
    instances: np.ndarray, classes: np.ndarray, *, image: np.ndarray, class_names: list[str], pixel_size: float | None
) -> dict[str, np.ndarray]:
    measured = measure_cells(instances, classes, image, class_names=class_names, pixel_size=pixel_size)
    return {"class": measured["class"]} | {
        key: values for key, values in measured.items() if key in COLUMNS and key != "probability"
    }


def _probabilities(results: Results, key: str) -> pd.DataFrame:
    """Sample, cell and mean probability of its class of every cell that a row's first seed predicted, by cell."""
    rows = results.cells_of(key)
    rows = rows[rows["side"] == "pred"].sort_values(["sample", "cell"])
    probability = pd.Series(np.nan, index=rows.index)
    for value, of_class in rows.groupby("class"):
        if f"p_class_{value}" in rows:
            probability[of_class.index] = of_class[f"p_class_{value}"]
    return rows[["sample", "cell"]].assign(probability=probability)


def _pixel_size(results: Results, at: int) -> float | None:
    """Micrometres of a pixel of a sample; None where it is not known, or a pixel is not square."""
    samples = results.samples
    row0, column0, row1, column1 = (int(n) for n in samples.boxes[at])
    rows, columns = samples.images[at].shape[1:]
    high, wide = (row1 - row0) / rows, (column1 - column0) / columns
    if not np.isfinite(samples.pixel_size) or min(high, wide) <= 0 or abs(high / wide - 1) > SQUARE:
        return None
    return float(samples.pixel_size * (high + wide) / 2)
