import io

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hemoseg.errors import InputError
from hemoseg.steps.images import label_name, read_image, read_labels, write_labels

RANDOM = np.random.default_rng(0)


def pixels(channels, dtype=np.uint8, rows=7, columns=9):
    return RANDOM.integers(0, np.iinfo(dtype).max + 1, (channels, rows, columns)).astype(dtype)


def save(path, values):
    """Write ``(C, H, W)`` with OpenCV, which takes blue, green, red."""
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[values.shape[0]]
    assert cv2.imwrite(str(path), np.moveaxis(values[order], 0, -1))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_lossless_format_gives_the_pixels_back_in_red_green_blue(tmp_path, suffix, dtype, channels):
    if suffix == ".bmp" and (dtype == np.uint16 or channels == 4):
        pytest.skip("BMP holds no such pixels")
    values = pixels(channels, dtype)
    save(tmp_path / f"a{suffix}", values)
    read = read_image(tmp_path / f"a{suffix}", channels).values
    assert read.dtype == dtype
    assert np.array_equal(read, values)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiff_planes_and_pixels_are_read_alike(tmp_path, compression, planar):
    values = pixels(3, np.uint16)
    data = values if planar == "separate" else np.moveaxis(values, 0, -1)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", planarconfig=planar, compression=compression)
    assert np.array_equal(read_image(tmp_path / "a.tif").values, values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lzw_tiffs_are_read(tmp_path, dtype):
    values = pixels(3, dtype)
    order = np.ascontiguousarray(np.moveaxis(values[[2, 1, 0]], 0, -1))
    assert cv2.imwrite(str(tmp_path / "a.tif"), order, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert np.array_equal(read_image(tmp_path / "a.tif").values, values)


def test_the_content_tells_the_format_whatever_the_name(tmp_path):
    values = pixels(3)
    save(tmp_path / "a.tif", values)
    (tmp_path / "a.tif").rename(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png").values, values)


def test_the_fourth_channel_is_dropped_with_a_notice_or_kept_when_asked_for(tmp_path):
    values = pixels(4)
    save(tmp_path / "a.png", values)
    dropped = read_image(tmp_path / "a.png")
    assert np.array_equal(dropped.values, values[:3])
    assert "`channels: 4` would keep it" in dropped.notices[0]
    kept = read_image(tmp_path / "a.png", channels=4)
    assert np.array_equal(kept.values, values)
    assert kept.notices == []


def test_palette_and_one_bit_images_are_expanded(tmp_path):
    palette = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    palette.save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png").values[:, 1, 0].tolist() == [70, 80, 90]
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "b.png")
    assert read_image(tmp_path / "b.png").values.tolist() == [[[255, 0]]]


def test_an_exif_orientation_is_not_applied_and_said(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((4, 9, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    picture = read_image(tmp_path / "a.jpg")
    assert picture.values.shape == (3, 4, 9)
    assert "EXIF orientation is not applied" in picture.notices[0]


def test_grey_becomes_three_channels_and_colour_one_when_the_dataset_says_so(tmp_path):
    save(tmp_path / "g.png", pixels(1))
    assert read_image(tmp_path / "g.png", channels=3).values.shape == (3, 7, 9)
    save(tmp_path / "c.png", pixels(3))
    assert read_image(tmp_path / "c.png", channels=1).values.shape == (1, 7, 9)


def test_floats_from_0_to_1_become_16_bit(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 0.5, 1]], np.float32))
    picture = read_image(tmp_path / "a.tif")
    assert picture.values.tolist() == [[[0, 32768, 65535]]]
    assert "16 bits" in picture.notices[0]


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_floats_of_any_length_become_16_bit(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 0.25, 1]], dtype))
    assert read_image(tmp_path / "a.tif").values.tolist() == [[[0, 16384, 65535]]]


def test_a_picture_with_a_smaller_one_beside_it_is_the_first(tmp_path):
    """As the cameras of telephones save them."""
    values = np.full((16, 24, 3), 90, np.uint8)
    small = Image.fromarray(values[::2, ::2])
    Image.fromarray(values).save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[small])
    picture = read_image(tmp_path / "a.jpg")
    assert picture.values.shape == (3, 16, 24)
    assert "the first of the pictures" in picture.notices[0]


def test_the_colour_profile_of_a_printer_is_no_bomb(tmp_path):
    values = np.moveaxis(pixels(3), 0, -1)
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=np.random.default_rng(0).bytes(2_000_000))
    assert np.array_equal(read_image(tmp_path / "a.png").values, np.moveaxis(values, -1, 0))


@pytest.mark.parametrize("largest", [1, 255, 256, 65535, 65536, 2**31 - 1])
def test_labels_survive_writing_and_reading(tmp_path, largest):
    labels = RANDOM.integers(0, largest + 1, (6, 8)).astype(np.int32)
    labels[0, 0] = largest
    path = tmp_path / label_name("a", labels)
    assert path.suffix == (".png" if largest < 2**16 else ".tif")
    write_labels(path, labels)
    assert np.array_equal(read_labels(path), labels)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_class_maps_are_written_with_8_bits(tmp_path):
    write_labels(tmp_path / "a.png", np.array([[0, 255]], np.uint8))
    assert Image.open(tmp_path / "a.png").mode == "L"


def test_labels_too_large_for_a_png_are_not_cut(tmp_path):
    with pytest.raises(ValueError, match="65536"):
        write_labels(tmp_path / "a.png", np.array([[65536]]))


def test_palette_labels_are_indices_and_grey_saved_as_rgb_is_grey(tmp_path):
    palette = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    palette.save(tmp_path / "p.png")
    assert read_labels(tmp_path / "p.png").tolist() == [[0, 1], [2, 1]]
    save(tmp_path / "g.png", np.repeat(pixels(1), 3, axis=0))
    assert read_labels(tmp_path / "g.png").shape == (7, 9)


def some_file(kind):
    buffer = io.BytesIO()
    values = np.random.default_rng(5).integers(0, 255, (12, 10, 3)).astype(np.uint8)
    if kind == "TIFF":
        tifffile.imwrite(buffer, values, compression="zlib")
    else:
        Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["PNG", "JPEG", "BMP", "TIFF"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    st.floats(0.02, 1),
)
def test_any_damaged_file_is_read_or_refused_but_never_a_traceback(tmp_path_factory, kind, changes, kept):
    content = bytearray(some_file(kind))
    content = content[: max(1, int(len(content) * kept))]
    for where, value in changes:
        content[int(where * len(content))] = value
    path = tmp_path_factory.mktemp("damaged") / "a.png"
    path.write_bytes(content)
    for read in (read_image, read_labels):
        assert str(path) in sentence_of(read, path)


def sentence_of(read, path):
    """The refusal, or the path of a file that could be read; anything else rises."""
    try:
        read(path)
    except InputError as error:
        return str(error)
    return str(path)
