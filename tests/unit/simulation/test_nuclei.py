"""Laws of simulated nuclei: exact truth, the share that touches, what each setting does, difficulty."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import find_objects, gaussian_filter
from skimage.filters import threshold_otsu
from skimage.measure import label

from hemoseg.errors import InputError
from hemoseg.simulation import generator, nuclei
from hemoseg.simulation.nuclei_settings import FIELD

DEMO = {"height": 224, "width": 224}
CLEAN = DEMO | {"photons": 1e9, "read_noise": 0, "bit_depth": 16, "exposure": 0.1}  # no noise, nothing saturated
PURE = CLEAN | {"haze": 0, "shading": 0, "dirt": 0}


@pytest.fixture(scope="module")
def frames():
    return [nuclei.simulate_frame(DEMO, seed=5, index=index) for index in range(16)]


def frame(index=0, **settings):
    return nuclei.simulate_frame(settings, seed=3, index=index)


def light(index=0, **settings):
    """The image of a noiseless frame, float64; its bias and gain depend on seed and index alone."""
    return frame(index, **CLEAN | settings).image[..., 0].astype(float)


def touching(instances, gap=3):
    """Numbers of the cells with a pixel centre of another one within ``gap`` px (PAPERS section 6)."""
    y, x = np.mgrid[-gap : gap + 1, -gap : gap + 1]
    disc = (y * y + x * x <= gap * gap).astype(np.uint8)
    padded = np.pad(instances, gap)
    found = set()
    for number, (rows, columns) in enumerate(find_objects(instances), start=1):
        part = padded[rows.start : rows.stop + 2 * gap, columns.start : columns.stop + 2 * gap]
        around = cv2.dilate((part == number).astype(np.uint8), disc) > 0
        if (around & (part > 0) & (part != number)).any():
            found.add(number)
    return found


def test_every_nucleus_is_one_connected_part_with_a_number_of_its_own(frames):
    dense = {"touching": 1, "overlapping": 1, "overlap": 0.4, "apoptotic": 0.3, "mitotic": 0.3}
    for one in [*frames, *(frame(index, **DEMO | dense) for index in range(4))]:
        assert set(one.instances.flat) == set(range(one.instances.max() + 1))
        for number in range(1, one.instances.max() + 1):
            assert cv2.connectedComponents((one.instances == number).astype(np.uint8), connectivity=4)[0] == 2
        assert np.array_equal(one.classes, (one.instances > 0).astype(np.uint8))


def test_about_a_quarter_of_the_nuclei_touch(frames):
    cells = sum(one.instances.max() for one in frames)
    # 212 of about 800 in the paper. 400 nuclei: the standard deviation of the share is 0.022, more for clusters.
    assert sum(len(touching(one.instances)) for one in frames) / cells == pytest.approx(212 / 800, abs=0.08)
    none = [touching(frame(index, **DEMO | {"touching": 0}).instances) for index in range(6)]
    assert none == [set()] * 6
    all_of_them = [frame(index, **DEMO | {"touching": 1}).instances for index in range(6)]
    assert sum(len(touching(one)) for one in all_of_them) > 0.85 * sum(one.max() for one in all_of_them)


def test_the_number_of_nuclei_goes_by_the_area(frames):
    assert np.mean([one.instances.max() for one in frames]) == pytest.approx(100 * 224 * 224 / FIELD, rel=0.2)
    small = [frame(index, height=96, width=128, nuclei=60).instances.max() for index in range(24)]
    assert np.mean(small) == pytest.approx(60 * 96 * 128 / FIELD, rel=0.3)
    assert frame(nuclei=0, **DEMO).instances.max() == 0


def test_nuclei_are_as_large_as_asked_for(frames):
    areas = np.concatenate([np.bincount(one.instances.ravel())[1:] for one in frames])
    assert 2 * np.sqrt(np.median(areas) / np.pi) == pytest.approx(29, rel=0.12)
    twice = [frame(index, **DEMO | {"diameter": 58, "nuclei": 25}).instances for index in range(6)]
    large = np.concatenate([np.bincount(one.ravel())[1:] for one in twice])
    assert np.median(large) == pytest.approx(4 * np.median(areas), rel=0.25)


@pytest.mark.parametrize(("bit_depth", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_images_are_grey_and_the_depth_changes_nothing_else(bit_depth, dtype):
    one = frame(**DEMO | {"bit_depth": bit_depth})
    assert one.image.shape == (224, 224, 1)
    assert (one.image.dtype, one.instances.dtype, one.classes.dtype) == (dtype, np.int32, np.uint8)
    assert np.array_equal(one.image >> (bit_depth - 8), frame(**DEMO).image)


@pytest.mark.parametrize("setting", ["photons", "blur", "haze", "shading", "dirt", "exposure", "bit_depth", "texture"])
def test_light_and_sensor_leave_the_truth_as_it_is(setting):
    other = {"photons": 30, "blur": 3, "haze": 2, "shading": 0, "dirt": 30, "exposure": 0.9, "bit_depth": 16}
    usual, changed = frame(1, **DEMO), frame(1, **DEMO | {setting: other.get(setting, 0)})
    assert np.array_equal(changed.instances, usual.instances)
    assert not np.array_equal(changed.image, usual.image)


def test_dirt_shines_and_no_nucleus_is_in_its_place():
    assert not light(nuclei=0, haze=0, dirt=0, shading=0).std()
    for index in range(4):
        clean, dirty = (light(index, **PURE | {"dirt": number}) for number in (0, 40))
        nucleus, shine = frame(index, **PURE).classes, dirty - clean
        usual = np.median(clean[nucleus > 0] - clean.min())
        beside = (cv2.dilate(nucleus, np.ones((3, 3))) > 0) & (nucleus == 0)
        assert shine.min() == 0
        assert (shine > 0).sum() > 50
        assert not shine[nucleus > 0].any()
        assert shine[beside].max() < 0.4 * usual  # it keeps away, and is not cut off at a nucleus
        # What shines a third as bright as a nucleus is less than half a nucleus across.
        assert 2 * cv2.distanceTransform((shine > usual / 3).astype(np.uint8), cv2.DIST_L2, 5).max() < 29 / 2


def test_haze_lifts_the_ground_and_most_beside_nuclei():
    none, some, much = (light(2, **PURE | {"haze": strength}) for strength in (0, 1, 2))
    inside = frame(2, **PURE).instances > 0
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    ground = away > 6
    contrast = np.median(none[inside]) - np.median(none[ground])
    assert np.median(some[ground] - none[ground]) > 0.02 * contrast
    assert np.median(much[ground] - none[ground]) > 1.5 * np.median(some[ground] - none[ground])
    added = some - none
    near, far = (away > 1) & (away < 5), away > np.quantile(away, 0.98)
    assert added[near].mean() > added[far].mean()


def test_blur_takes_the_finest_detail():
    sharpness = []
    for sigma in (0.5, 1.0, 2.0, 4.0):
        image = light(**PURE | {"blur": sigma})
        sharpness.append((image - gaussian_filter(image, 1)).std())
    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[0] > 3 * sharpness[-1]


def test_shading_darkens_the_field_and_nothing_else():
    flat, shaded = (light(haze=1, dirt=0, shading=strength) for strength in (0, 0.9))
    offset = light(nuclei=0, haze=0, dirt=0, shading=0).min()
    lamp = (shaded - offset) / np.maximum(flat - offset, 1)
    bright = flat - offset > 300
    assert lamp[bright].max() <= 1.01
    assert 0.08 < lamp[bright].min() < 0.5
    rough = np.abs(np.diff(lamp, axis=1))[bright[:, 1:] & bright[:, :-1]]
    assert np.quantile(rough, 0.95) < 0.02  # it is slow


def test_noise_is_that_of_photons_and_of_the_reading():
    """Variance of electrons: their mean plus the square of the reading, both seen through one gain."""
    still = PURE | {"nuclei": 0, "exposure": 0.05}
    offset, clean = light(**still).min(), light(**still | {"haze": 3})
    noise, less = (light(**still | {"haze": 3, "photons": number}) - clean for number in (40, 160))
    assert noise.std() == pytest.approx(2 * less.std(), rel=0.02) != 0
    scaled = noise / np.sqrt(clean - offset)
    low, high = clean < np.median(clean), clean > np.median(clean)
    assert scaled[low].std() == pytest.approx(scaled[high].std(), rel=0.1)
    assert abs(noise.mean()) < 4 * noise.std() / 224 + 1
    reads = [light(**still | {"photons": 400, "read_noise": electrons}).std() for electrons in (5, 10)]
    assert reads[1] == pytest.approx(2 * reads[0], rel=0.1)


def test_exposure_and_texture_and_brightness_do_what_they_say():
    offset = light(3, nuclei=0, haze=0, dirt=0, shading=0).min()
    dark, bright = (light(3, **PURE | {"exposure": strength}) - offset for strength in (0.05, 0.1))
    assert np.median(bright[dark > 500] / dark[dark > 500]) == pytest.approx(2, rel=0.01)
    inside = cv2.erode(frame(3, **PURE).classes, np.ones((9, 9))) > 0
    smooth, rough = (light(3, **PURE | {"texture": strength}) for strength in (0, 2))
    grain = [(image - gaussian_filter(image, 2))[inside].std() for image in (smooth, rough)]
    assert grain[1] > 3 * grain[0]
    alike = PURE | {"mitotic": 0, "apoptotic": 0, "dim": 0, "overlapping": 0, "blur": 0}
    spreads = []
    for spread in (0, 0.4):
        image, truth = light(3, **alike | {"brightness": spread}), frame(3, **alike).instances
        means = np.array([np.median(image[truth == number]) for number in range(1, truth.max() + 1)])
        spreads.append(means.std() / means.mean())
    assert spreads[0] < 0.12 < 0.25 < spreads[1]


@pytest.mark.parametrize(("kind", "brighter"), [("mitotic", True), ("apoptotic", True), ("dim", False)])
def test_kinds_of_nuclei_come_as_often_as_asked_for(kind, brighter):
    usual = PURE | {"mitotic": 0, "apoptotic": 0, "dim": 0, "brightness": 0, "overlapping": 0}
    means, areas = {}, {}
    for share in (0, 1):
        image, truth = light(4, **usual | {kind: share}), frame(4, **usual | {kind: share}).instances
        means[share] = np.array([np.median(image[truth == number]) for number in range(1, truth.max() + 1)])
        areas[share] = np.bincount(truth.ravel())[1:]
    typical = np.median(means[0])
    assert 0.6 * typical < means[0].min() < means[0].max() < 1.4 * typical  # of a share of 0 there is none
    assert areas[0].min() > 0.3 * np.median(areas[0])
    assert (np.median(means[1]) > 1.3 * typical) if brighter else (np.median(means[1]) < 0.5 * typical)
    assert (np.median(areas[1]) < 0.7 * np.median(areas[0])) == brighter


def test_every_nucleus_can_be_seen(frames):
    """Each, the dim ones too, is brighter than the ground around it by more than the noise of a mean over it."""
    for one in frames[:8]:
        image = one.image[..., 0].astype(float)
        for number, (rows, columns) in enumerate(find_objects(one.instances), start=1):
            box = np.s_[max(rows.start - 9, 0) : rows.stop + 9, max(columns.start - 9, 0) : columns.stop + 9]
            inside, ground = one.instances[box] == number, one.instances[box] == 0
            if ground.sum() < 40:
                continue
            noise = np.median(np.abs(image[box][ground] - np.median(image[box][ground]))) * 1.48 + 0.3
            assert image[box][inside].mean() - np.median(image[box][ground]) > 2 * noise


def test_otsu_merges_touching_nuclei_and_loses_dim_ones(frames):
    dice, lost, merged, cells = [], 0, 0, 0
    for one in frames:
        image, truth = one.image[..., 0], one.instances
        above = image > threshold_otsu(image)
        dice.append(2 * (above & (truth > 0)).sum() / (above.sum() + (truth > 0).sum()))
        parts, homes = label(above), []
        for number in range(1, truth.max() + 1):
            counts = np.bincount(parts[truth == number])
            lost += bool(counts[0] > 0.5 * counts.sum())
            homes.append(counts[1:].argmax() if counts[1:].any() else -number)
        merged += len(homes) - len(set(homes))
        cells += truth.max()
    assert 0.75 < np.mean(dice) < 0.95  # the nuclei are the brightest thing, and yet
    assert lost > 0.04 * cells
    assert merged > 0.07 * cells


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"nucleii": 3}, "did you mean 'nuclei'"),
        ({"nuclei": "many"}, "nuclei: a number is needed"),
        ({"height": 16}, "height: 16 lies outside 32 to 8192"),
        ({"bit_depth": 12}, "use 8 or 16"),
        ({"frames": float("inf")}, "lies outside"),
        ({"blur": float("nan")}, "lies outside"),
        ({"shading": 1}, "lies outside 0 to 0.9"),
        ({"mitotic": 0.7, "apoptotic": 0.5}, "more than all nuclei"),
        ({"kind": "smear"}, "'smear' is no nuclei; use kind: nuclei"),
    ],
)
def test_unusable_settings_are_refused_in_one_sentence(settings, says):
    with pytest.raises(InputError, match=says):
        nuclei.check(settings)


def test_the_kind_is_a_module_of_the_room():
    assert generator("nuclei") is nuclei
    with pytest.raises(InputError, match="did you mean 'nuclei'"):
        generator("nucleus")


def test_a_crowded_small_frame_ends():
    one = frame(height=64, width=64, nuclei=2000, touching=1, dirt=1000)
    assert 1 <= one.instances.max() < 40
    assert frame(height=32, width=32, diameter=300).instances.max() <= 1
