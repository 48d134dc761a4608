"""What can be tried on the pages: animations, frames to drag, the sampling slider, the dial."""

from __future__ import annotations

import base64
import json
import random

import numpy as np
import pytest
import torch
from browsing import ROOT, see
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from torch import nn

from quest82.frames import sampling

ORDER = json.loads((ROOT / "book/_static/order-data.js").read_text()[len("const ORDER = ") : -2])
ORDERS = [
    list(range(8)),
    list(range(8))[::-1],
    [3] * 8,
    random.Random(0).sample(range(8), 8),
]


def numbers(part: str) -> dict[str, torch.Tensor]:
    """The numbers of a model as the page has them, in double precision."""
    return {
        name: torch.from_numpy(
            np.frombuffer(base64.b64decode(array["base64"]), "<f4").reshape(array["shape"]).copy()
        ).double()
        for name, array in ORDER[part].items()
    }


def lstm_says(order: list[int]) -> torch.Tensor:
    """PyTorch's own LSTM with the page's numbers: probabilities of all classes (K,)."""
    n = numbers("lstm")
    frames = n["frames"][order]
    seen = torch.relu(frames - frames.mean(dim=0) + n["offset"])  # (T, P)
    lstm = nn.LSTM(seen.shape[1], n["state_weight"].shape[1]).double()
    lstm.load_state_dict(
        {
            "weight_ih_l0": n["input_weight"],
            "weight_hh_l0": n["state_weight"],
            "bias_ih_l0": n["bias"],
            "bias_hh_l0": torch.zeros_like(n["bias"]),
        }
    )
    with torch.no_grad():
        hidden = lstm(seen)[0][-1]
    return (n["head_weight"] @ hidden + n["head_bias"]).softmax(dim=0)


@pytest.fixture(scope="module")
def drag(browser, book):
    see(browser, book / "book/reversible.html", width=1440)
    WebDriverWait(browser, 20).until(
        lambda b: b.execute_script("return !!document.querySelector('.frames')")
    )
    browser.execute_script(
        "document.querySelector('.drag-the-frames').scrollIntoView({block: 'center'})"
    )
    return browser


def place(browser) -> str:
    return browser.find_element(By.CLASS_NAME, "drag-the-frames").get_attribute("data-order")


def shown(browser) -> dict[str, list[str]]:
    """The percentages beside the bars of each model."""
    boxes = browser.find_elements(By.CSS_SELECTOR, ".drag-the-frames .bars")
    rows = [[v.text for v in box.find_elements(By.CLASS_NAME, "value")] for box in boxes]
    return dict(zip(("mean", "lstm"), rows, strict=True))


def press(browser, name: str) -> None:
    buttons = browser.find_elements(By.CSS_SELECTOR, ".drag-the-frames > .controls button")
    next(b for b in buttons if b.text == name).click()


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_the_page_computes_what_pytorch_computes(drag, order):
    script = "return answers[arguments[0]](readModels(ORDER), arguments[1])"
    lstm = drag.execute_script(script, "lstm", order)
    assert torch.tensor(lstm, dtype=torch.float64).allclose(lstm_says(order), rtol=0, atol=1e-9)
    mean = drag.execute_script(script, "mean", order)
    expected = numbers("mean")["frames"][order].mean(dim=0).softmax(dim=0)
    assert torch.tensor(mean, dtype=torch.float64).allclose(expected, rtol=0, atol=1e-12)


def test_the_mean_does_not_move_by_one_bit(drag):
    script = "return answers.mean(readModels(ORDER), arguments[0])"
    found = [drag.execute_script(script, order) for order in (ORDERS[0], ORDERS[1], ORDERS[3])]
    assert found[0] == found[1] == found[2]


def test_frames_move_by_button_key_and_pointer(drag):
    press(drag, "As filmed")
    before = shown(drag)
    assert place(drag) == "0 1 2 3 4 5 6 7"
    press(drag, "Backwards")
    after = shown(drag)
    assert place(drag) == "7 6 5 4 3 2 1 0"
    assert after["mean"] == before["mean"]
    assert float(before["lstm"][0][:-2]) > 90 > 10 > float(after["lstm"][0][:-2])
    first = drag.find_elements(By.CSS_SELECTOR, ".frames button")[0]
    first.send_keys(Keys.ARROW_RIGHT)
    ActionChains(drag, duration=0).send_keys(Keys.ARROW_RIGHT).perform()  # it keeps the focus
    assert place(drag) == "6 5 7 4 3 2 1 0"
    frames = drag.find_elements(By.CSS_SELECTOR, ".frames button")
    ActionChains(drag, duration=50).drag_and_drop(frames[0], frames[7]).perform()
    assert place(drag) == "5 7 4 3 2 1 0 6"
    expected = lstm_says([5, 7, 4, 3, 2, 1, 0, 6])[ORDER["pair"][0]].item()
    assert shown(drag)["lstm"][0] == f"{100 * expected:.1f} %"
    press(drag, "Repeat one")
    assert len(set(place(drag).split())) == 1
    told = drag.find_element(By.CSS_SELECTOR, ".drag-the-frames [role=status]").text
    assert told.startswith("Opens: the mean ")


def test_the_slider_takes_the_frames_that_the_package_takes(browser, book):
    see(browser, book / "book/sampling.html", width=390)
    draws = random.Random(1)
    lengths = [
        (draws.randint(1, 300), draws.randint(1, 32), draws.randint(1, 20)) for _ in range(50)
    ]
    for n, T, stride in [*lengths, (72, 8, 4), (1, 8, 1), (3, 8, 9)]:
        found = browser.execute_script(
            "const [n, T, stride] = arguments;"
            "return [segmentIndices(n, T, Array(T).fill(0.5)), windowIndices(n, T, stride)]",
            *(n, T, stride),
        )
        assert found[0] == sampling.segment_indices(n, T).tolist()
        assert found[1] == sampling.window_indices(n, T, stride=stride).tolist()
    widget = browser.find_element(By.CLASS_NAME, "sampling-slider")
    told = widget.find_element(By.CSS_SELECTOR, "[role=status]")
    expected = ", ".join(map(str, sampling.segment_indices(72, 8).tolist()))
    assert told.text.startswith(f"Frames {expected}:")
    sliders = widget.find_elements(By.CSS_SELECTOR, "input[type=range]")
    sliders[1].send_keys(Keys.ARROW_LEFT)
    assert len(widget.find_elements(By.CSS_SELECTOR, ".taken figure")) == 7


def test_the_dial_shows_the_numbers_of_the_chapter(browser, book):
    see(browser, book / "book/bias.html", width=1440)
    widget = browser.find_element(By.CLASS_NAME, "bias-dial")
    trained, tested = widget.find_elements(By.CSS_SELECTOR, "input[type=range]")

    def at(row: int, e: float) -> list[str]:
        for slider, value in ((trained, row), (tested, e)):
            browser.execute_script(
                "arguments[0].value = arguments[1]; arguments[0].oninput()", slider, value
            )
        return [value.text for value in widget.find_elements(By.CLASS_NAME, "value")]

    notebook = json.loads((ROOT / "book/bias.ipynb").read_text("utf-8"))
    cells = (c for c in notebook["cells"] if "dial-numbers" in c["metadata"].get("tags", ()))
    sides = json.loads("".join(next(cells)["outputs"][0]["text"]))["sides"]
    for row, e in ((3, 0.9), (4, -1), (4, 0), (0, 1)):
        expected = []
        for name in ("mean", "LSTM"):
            found = [50 * ((1 + e) * plus + (1 - e) * minus) for plus, minus in sides[name][row]]
            average = sum(found) / len(found)
            expected.append((average, min(found), max(found)))
        numbers_shown = [
            [float(n) for n in text.replace("% (", "-").replace(")", "").split("-")]
            for text in at(row, e)
        ]
        assert np.abs(np.array(numbers_shown) - expected).max() <= 0.5 + 1e-9


def test_every_animation_can_be_stopped_and_stepped_through(browser, book):
    listed = (book / "_static/animations.js").read_text("utf-8")
    animations = json.loads(listed.removeprefix("const ANIMATIONS = ").removesuffix(";\n"))
    assert len(animations) >= 9
    for name, animation in animations.items():
        with Image.open(book / "_images" / name) as moving:
            strip = Image.open((book / "_images" / name).with_suffix(".strip.png")).convert("RGB")
            for number in (0, animation["frames"] - 1):
                moving.seek(number)
                left = number * animation["width"]
                frame = strip.crop((left, 0, left + animation["width"], animation["height"]))
                assert np.array_equal(np.asarray(frame), np.asarray(moving.convert("RGB")))
    see(browser, book / "book/actions.html", width=390)
    player = browser.find_element(By.CSS_SELECTOR, ".bd-article .animation")
    button, slider = (
        player.find_element(By.TAG_NAME, "button"),
        player.find_element(By.TAG_NAME, "input"),
    )
    if button.text == "Pause":
        button.click()
    assert button.text == "Play"
    frame = player.find_element(By.CLASS_NAME, "strip-frame")
    assert frame.get_attribute("aria-label")
    before = slider.get_attribute("value")
    slider.send_keys(Keys.ARROW_RIGHT)
    after = slider.get_attribute("value")
    assert after != before
    at = 100 * int(after) / (int(slider.get_attribute("max")))
    position = frame.value_of_css_property("background-position")
    assert float(position.split("%")[0]) == pytest.approx(at, abs=0.01)


def test_a_table_is_sorted_by_a_click_on_a_column(browser, book):
    see(browser, book / "book/systems/side-by-side.html", width=1440)
    tables = browser.find_elements(By.CSS_SELECTOR, "table.sortable")
    table = next(table for table in tables if "multiply-adds" in table.text)

    def column(number: int) -> list[str]:
        cells = table.find_elements(By.CSS_SELECTOR, f"tbody tr > :nth-child({number})")
        return [cell.text for cell in cells]

    rows = set(zip(column(1), column(2), strict=True))
    names, shares = table.find_elements(By.CSS_SELECTOR, "thead button")[:2]
    names.click()
    assert column(1) == sorted(column(1), key=str.casefold)
    shares.click()
    falling = [float(cell.split("%")[0]) for cell in column(2)]
    assert falling == sorted(falling, reverse=True)
    shares.send_keys(Keys.ENTER)
    assert [float(cell.split("%")[0]) for cell in column(2)] == falling[::-1]
    sorted_by = table.find_elements(By.CSS_SELECTOR, "th[aria-sort]")
    assert [(cell.text.split()[0], cell.get_attribute("aria-sort")) for cell in sorted_by] == [
        ("directions", "ascending")
    ]
    assert set(zip(column(1), column(2), strict=True)) == rows
