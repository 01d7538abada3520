"""The viewer in a headless Chromium: clicked, turned, typed into; what it then shows and says."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from hemoseg.steps import view
from tests import chromium
from tests.segment_folder import HOSTILE, write_folder

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(chromium.executable() is None, reason="no Chromium on the PATH"),
    pytest.mark.xdist_group("chromium"),
]
READY = "document.body.dataset.ready"
CROWD = Path("reports/templates/viewer/crowd.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser():
    with chromium.Chromium(1200, 800) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of a folder, the same beside its truth, and one of a thousand cells."""
    root = tmp_path_factory.mktemp("viewer")
    folder, many = write_folder(root / "seg"), write_folder(root / "many", many=True)
    view.main([str(folder.path), "--out", str(root / "plain.html")])
    view.main([str(folder.path), "--truth", str(folder.truth()), "--out", str(root / "truth.html")])
    view.main([str(many.path), "--out", str(root / "many.html")])
    return root


@pytest.fixture
def page(browser, pages):
    """Opens a page; afterwards its console must have said nothing."""

    def opened(name, address="", size=(1200, 800)):
        browser.resize(*size)
        browser.open(pages / f"{name}.html", address, READY)
        return browser

    yield opened
    assert browser.said == []


def point_of(browser, cell):
    """Where on the screen the middle of a predicted cell (by its number) is."""
    return browser.run(
        f"""(() => {{
          const {{ stage, said }} = viewer, place = said.places[said.ids.indexOf({cell})];
          const {{ left, top }} = stage.canvas.getBoundingClientRect();
          return [left + (place.x * stage.scale + stage.x) / stage.ratio,
                  top + (place.y * stage.scale + stage.y) / stage.ratio];
        }})()"""
    )


def colour_at(browser, x, y):
    """Red, green and blue of the canvas at a point of the screen."""
    return browser.run(
        f"""(() => {{
          const {{ canvas, ratio }} = viewer.stage, {{ left, top }} = canvas.getBoundingClientRect();
          const pen = new OffscreenCanvas(1, 1).getContext("2d");
          viewer.stage.paint();
          pen.drawImage(canvas, -Math.floor(({x} - left) * ratio), -Math.floor(({y} - top) * ratio));
          return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }})()"""
    )


def text(browser, selector):
    return browser.run(f"document.querySelector({selector!r}).innerText")


def chosen(browser):
    """Number of the chosen cell, 0 for none."""
    return browser.run("viewer.stage.chosen ? viewer.stage.chosen.layer.ids[viewer.stage.chosen.cell] : 0")


def landed(browser):
    browser.wait("!viewer.stage.flight")
    browser.drawn()


def test_a_click_on_a_cell_chooses_it_in_the_list_and_one_beside_it_chooses_none(page):
    browser = page("plain")
    browser.click(*point_of(browser, 5))
    assert chosen(browser) == 5
    assert text(browser, "tr[aria-selected=true]").split()[0] == "5"
    assert text(browser, "#cell-name") == f"Cell 5 · round {HOSTILE}"
    assert "58.5 µm²" not in text(browser, "#cell-facts")
    x, y = point_of(browser, 5)
    browser.click(x + 20 * browser.run("viewer.stage.scale"), y)  # between two discs
    assert chosen(browser) == 0
    assert browser.run("document.getElementById('cell').hidden")


def test_a_click_on_a_row_zooms_to_its_cell(page):
    browser = page("many")
    before = browser.run("viewer.stage.scale")
    browser.click_on("#row-5")
    landed(browser)
    assert chosen(browser) == 6
    assert browser.run("viewer.stage.scale") > 4 * before
    middle = """(({ left, top, width, height }) => [left + width / 2, top + height / 2])
        (viewer.stage.canvas.getBoundingClientRect())"""
    assert point_of(browser, 6) == pytest.approx(browser.run(middle), abs=1)


def test_the_list_sorts_by_any_column_either_way(page):
    browser = page("plain")
    column = "[...document.querySelectorAll('#list tbody tr:not(.spacer)')].map(row => row.cells[%d].textContent)"
    browser.click_on("[data-key=probability]")
    falling = [float(word) for word in browser.run(column % 2)]
    assert falling == sorted(falling, reverse=True)
    assert len(falling) == 6
    assert text(browser, "th[aria-sort=descending]").startswith("Prob.")
    browser.press("Enter")  # the head keeps the focus
    assert [float(word) for word in browser.run(column % 2)] == falling[::-1]
    browser.click_on("[data-key=class]")
    classes = browser.run(column % 1)
    assert classes == sorted(classes)
    browser.run(
        "(e => { e.value = 'form_factor'; e.dispatchEvent(new Event('change')); })(document.getElementById('extra'))"
    )
    assert "Form factor" in text(browser, "#list thead")


def test_a_layer_that_is_off_leaves_the_image_as_it_is(page):
    browser = page("plain")
    browser.click_on("#show-prediction")
    x, y = point_of(browser, 1)
    edge = x - 9.4 * browser.run("viewer.stage.scale"), y
    bare, inside = colour_at(browser, *edge), colour_at(browser, x, y)
    browser.click_on("#show-prediction")
    assert colour_at(browser, *edge) != bare  # the outline
    assert colour_at(browser, x, y) == inside
    browser.click_on("#show-classes")
    assert colour_at(browser, x, y) != inside  # the fill
    browser.click_on("#classes label")  # its class is hidden: neither
    assert colour_at(browser, x, y) == inside
    assert text(browser, "#number") == "2 of 6"


def test_the_wheel_zooms_about_the_pointer_and_dragging_moves(page):
    browser = page("plain")
    x, y = point_of(browser, 4)
    scale = browser.run("viewer.stage.scale")
    browser.wheel(x, y, -120)
    assert browser.run("viewer.stage.scale") > 1.1 * scale
    assert point_of(browser, 4) == pytest.approx([x, y], abs=0.5)
    browser.drag((x, y), (x - 70, y + 40))
    assert point_of(browser, 4) == pytest.approx([x - 70, y + 40], abs=0.5)
    assert chosen(browser) == 0  # a drag is no click
    browser.click(x - 70, y + 40, clicks=2)
    assert browser.run("viewer.stage.scale") > 2 * scale


def test_everything_can_be_done_with_the_keyboard(page):
    browser = page("plain")
    focused = "document.activeElement.id"
    seen = []
    for _ in range(30):
        browser.press("Tab")
        seen.append(browser.run(focused))
    for wanted in ("image", "stage", "in", "show-prediction", "show-classes", "opacity", "extra", "list"):
        assert wanted in seen, wanted
    assert (
        browser.run("document.querySelectorAll('#classes input:focus, [tabindex]:not([tabindex=\"0\"])').length") == 0
    )
    browser.run("document.getElementById('stage').focus()")
    place = point_of(browser, 1)
    scale = browser.run("viewer.stage.scale")
    browser.press("+", times=2)
    assert browser.run("viewer.stage.scale") == pytest.approx(scale * 1.25**2)
    browser.press("-", times=2)
    browser.press("ArrowLeft")
    browser.press("ArrowDown", shift=True)
    assert point_of(browser, 1) == pytest.approx([place[0] + 60, place[1] - 240], abs=0.5)
    browser.press("0")
    assert point_of(browser, 1) == pytest.approx(place, abs=0.5)
    browser.run("document.getElementById('show-boxes').focus()")
    browser.press(" ")
    assert browser.run("viewer.stage.on.boxes")
    browser.press("c")
    assert browser.run("viewer.stage.on.classes")
    browser.run("document.getElementById('stage').focus()")
    browser.press(" ")  # all off ...
    assert browser.run("Object.values(viewer.stage.on).some(Boolean)") is False
    browser.press(" ")  # ... and back
    assert browser.run("['prediction', 'boxes', 'classes'].every(name => viewer.stage.on[name])")


def test_the_list_moves_by_keys_and_enter_zooms(page):
    browser = page("many")
    browser.run("document.getElementById('list').focus()")
    browser.press("ArrowDown", times=2)
    assert chosen(browser) == 2
    browser.press("End")
    last = chosen(browser)
    assert last == 972
    assert browser.run("document.querySelectorAll('#list tbody tr').length") < 80  # only rows in sight are there
    assert browser.run("document.getElementById('list').getAttribute('aria-activedescendant')") == "row-971"
    scale = browser.run("viewer.stage.scale")
    browser.press("Enter")
    landed(browser)
    assert browser.run("viewer.stage.scale") > 3 * scale
    browser.press("Escape")
    assert chosen(browser) == 0


def test_images_are_changed_and_the_address_brings_one_back(page):
    browser = page("plain")
    browser.press("]")
    browser.wait("viewer.image.name === 'two'")
    assert text(browser, "#empty") == "No cells in this image."
    assert browser.run("document.getElementById('after').disabled")
    assert "blurred, <b>dark</b>" in browser.run("document.getElementById('facts').textContent")
    browser.click_on("#before")
    browser.wait("viewer.image.name === 'one'")
    browser.click_on("#row-2")
    landed(browser)
    address = browser.run("location.hash")
    browser = page("plain", address)
    landed(browser)
    assert chosen(browser) == 3


def test_truth_and_prediction_are_told_apart(page):
    browser = page("truth")
    kinds = dict(zip(text(browser, "#kinds").split("\n")[::2], text(browser, "#kinds").split("\n")[1::2], strict=True))
    # Of six cells one is spurious, one of another class; the truth has one more.
    assert kinds == {"found": "4", "wrong class": "1", "spurious": "1", "missed": "1"}
    browser.click_on("[data-key=kind]")
    assert text(browser, "#row-0").split()[-1] != "found"
    assert "missed" in text(browser, "#row-0")
    x, y = point_of(browser, 1)
    bare = colour_at(browser, x, y)
    browser.press("d")
    assert colour_at(browser, x, y) != bare
    x, y = point_of(browser, 2)
    browser.press("d")
    found = colour_at(browser, x, y)
    browser.press("d")
    assert colour_at(browser, x, y) == found  # nothing differs there


def test_outlines_enclose_the_pixels_of_their_cell_and_no_others(page):
    trace = Path("reports/templates/viewer/trace.js").read_text(encoding="utf-8")
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 4, (30, 40)) * (rng.random((30, 40)) < share) for share in (0.2, 0.55, 0.9)]
    blobs = ndimage.median_filter(rng.integers(0, 4, (30, 40)), 5)
    for labels in (*noise, blobs, np.ones((30, 40), int), np.pad(np.zeros((28, 38), int), 1, constant_values=2)):
        filled = page("plain").run(
            f"""(() => {{
              {trace}
              const labels = Uint16Array.from({labels.ravel().tolist()});
              return traced(labels, [30, 40], 3).map((contours) => {{
                const path = new Path2D(), pen = new OffscreenCanvas(40, 30).getContext("2d");
                addContours(path, contours, 0);
                pen.fill(path, "evenodd");
                return [...pen.getImageData(0, 0, 40, 30).data].filter((_, i) => i % 4 === 3);
              }});
            }})()"""
        )
        for number, alpha in enumerate(filled, start=1):
            assert (np.reshape(alpha, (30, 40)) == 255 * (labels == number)).all()


def test_very_many_cells_are_painted_by_their_outer_pixels(page):
    browser = page("plain")
    counts = browser.run(
        f"""(() => {{
          {CROWD}
          const of = (count, seen) => isCrowd({{ count, places: Array(count).fill({{}}) }}, {{ sees: () => seen }});
          return [of(5000, true), of(5001, true), of(9000, false)];
        }})()"""
    )
    assert counts == [False, True, False]
    grid, labels, alpha, colours = browser.run(
        "(() => {"
        + CROWD
        + """
          const { stage, said } = viewer, [height, width] = stage.image.grid;
          const data = crowdEdges(stage, said, false).getContext("2d").getImageData(0, 0, width, height).data;
          const at = said.labels.findIndex((label, i) => label && data[4 * i + 3]);
          const shown = "#" + [...data.slice(4 * at, 4 * at + 3)].map((v) => v.toString(16).padStart(2, "0")).join("");
          const own = stage.colour(said.columns.class[said.labels[at] - 1]);
          return [[height, width], [...said.labels], [...data].filter((_, i) => i % 4 === 3), [shown, own]];
        })()"""
    )
    labels, alpha = np.reshape(labels, grid), np.reshape(alpha, grid)
    framed = np.pad(labels, 1)
    sides = [framed[1:-1, :-2], framed[1:-1, 2:], framed[:-2, 1:-1], framed[2:, 1:-1]]
    assert np.array_equal(alpha > 0, (labels > 0) & np.any([side != labels for side in sides], axis=0))
    assert colours[0] == colours[1].lower()


def test_layers_of_very_many_cells_show_what_paths_show(page):
    browser = page("truth")
    for layer in ("classes", "difference"):
        inside = browser.run(
            f"""(() => {{
              {CROWD}
              const {{ stage, said }} = viewer, {{ grid }} = stage.image;
              const map = {"said.classMap" if layer == "classes" else "viewer.difference.map"};
              const colours = Array.from({{ length: 256 }}, (_, value) => (value && value < 255 ? "#102030" : null));
              const data = crowdMap(grid, map, colours, 1).getContext("2d").getImageData(0, 0, grid[1], grid[0]).data;
              return map.every((value, i) => (data[4 * i + 3] === 255) === (value > 0 && value < 255)
                && (!data[4 * i + 3] || (data[4 * i] === 16 && data[4 * i + 2] === 48)));
            }})()"""
        )
        assert inside, layer


@pytest.mark.parametrize("size", [(320, 640), (768, 1024), (3840, 2160)])
def test_nothing_is_cut_off_on_small_and_large_screens(page, size):
    browser = page("truth", size=size)
    assert browser.run("document.documentElement.scrollWidth") <= size[0]
    browser.click_on("#row-0")
    landed(browser)
    for selector in ("#image", "#in", "#show-names", "#classes label", "#forget", "[data-key=kind]"):
        inside = browser.run(
            f"(({{left, right}}) => left >= -0.5 && right <= innerWidth + 0.5)"
            f"(document.querySelector('{selector}').getBoundingClientRect())"
        )
        assert inside, selector


def test_the_help_opens_and_closes_by_keys(page):
    browser = page("plain")
    browser.press("?")
    assert browser.run("document.getElementById('help').open")
    browser.press("Escape")
    assert not browser.run("document.getElementById('help').open")


def test_the_browser_notices_what_a_page_must_not_do(browser, tmp_path):
    (tmp_path / "bad.html").write_text("<script>console.error('no'); fetch('http://127.0.0.1:9/x')</script>")
    browser.open(tmp_path / "bad.html")
    browser.wait("true")
    assert "no" in browser.said
    assert any("127.0.0.1" in one for one in browser.said)
    browser.said.clear()
