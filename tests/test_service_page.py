"""What the service shows: both orders of the same frames, and the page that people see."""

import base64
import io
import json
import re

import browsing
import pytest
import serving
import torch
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from serving import service_of

from quest82 import video
from quest82.data.clips import Clip
from quest82.service import Predictor, samples
from quest82.service.served import Served

DOOR = samples.FOLDER / "open_door.mp4"
KEY = {"X-API-Key": "sesame"}


def frames_seen_by(predictor):
    ((indices, frames),) = predictor.workers.take([Clip("", "", "", DOOR)], predictor.spec)
    return tuple(indices.tolist()), frames


@torch.no_grad()
def make_torn(predictor):
    """Fresh weights say much the same of everything; these are undecided between two classes, and
    what reads the order says one or the other of it."""
    essences = predictor.describe(frames_seen_by(predictor)[1])
    both, head = torch.stack([essences, essences.flip(0)]), predictor.network.head
    gap = (predictor.network(both)[0] - predictor.network(both)[1]).abs().max()
    if gap > 1e-5:
        head.weight.mul_(2 / gap)
    head.bias.sub_(predictor.network(both).mean(dim=0) - torch.tensor([0.4, 0]))


@pytest.fixture(scope="module")
def predictors(weights, tmp_path_factory):
    files = serving.write_models(tmp_path_factory.mktemp("models"), weights)
    found = {}
    for version, file in files.items():
        found[version] = file, Predictor.load(file, backbone_weights=weights, num_workers=0)
        make_torn(found[version][1])
    return found


@pytest.fixture(scope="module")
def models(predictors):
    return {version: Served.of(*found) for version, found in predictors.items()}


@pytest.fixture(scope="module")
def service(models):
    with service_of(models) as running:
        yield running


@pytest.fixture(scope="module")
def expected(predictors):
    """What each model says of the sample's frames as they are, and of the frames reversed."""
    found = {}
    for version, (_, predictor) in predictors.items():
        numbers, frames = frames_seen_by(predictor)
        for order, shown in (("forwards", frames), ("backwards", frames.flip(0))):
            answer = predictor.answer(predictor.describe(shown), numbers)
            found[version, order] = dict(
                zip(answer.classes, answer.probabilities.tolist(), strict=True)
            )
    return found


def explain(service, version, content=None, **options):
    files = {"file": ("a.mp4", DOOR.read_bytes() if content is None else content)}
    return service.client.post(f"/api/{version}/explain", files=files, **options)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_orders_are_answered_as_the_predictor_answers_them(service, expected, version):
    told = explain(service, version).json()
    for order in ("forwards", "backwards"):
        assert told[order]["probabilities"] == pytest.approx(expected[version, order], abs=1e-3)
        assert told[order]["label"] == max(
            told[order]["probabilities"], key=told[order]["probabilities"].get
        )
        assert told[order]["none_of_these"] is None  # these models cannot tell
    assert told["adds_up"] == (version == "v1")
    asked = service.upload(DOOR, version).json()
    assert asked["probabilities"] == told["forwards"]["probabilities"]
    assert asked["frames"] == told["frames"]
    assert "thumbnails" not in asked


def test_the_mean_stands_still_and_the_lstm_turns(expected):
    """Else the tests of the page would see nothing move."""
    gap = {
        v: abs(expected[v, "forwards"]["a"] - expected[v, "backwards"]["a"]) for v in ("v1", "v2")
    }
    assert gap["v1"] < 1e-4 < 1e-2 < gap["v2"]


def test_contributions_are_those_of_the_predictor_and_turn_with_the_frames(service, predictors):
    for version, (_, predictor) in predictors.items():
        (answer,) = predictor.each([DOOR], explain=True)
        told = explain(service, version).json()
        assert told["forwards"]["contributions"] == answer.contributions.tolist()
    mean = explain(service, "v1").json()
    assert mean["backwards"]["contributions"] == mean["forwards"]["contributions"][::-1]


def test_thumbnails_are_the_frames_that_the_model_saw(service, predictors):
    _, frames = frames_seen_by(predictors["v1"][1])
    told = explain(service, "v1").json()
    for address, frame in zip(told["thumbnails"], frames, strict=True):
        head, content = address.split(",")
        assert head == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            seen = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        seen = seen.view(64, 64, 3).permute(2, 0, 1).float()
        assert (seen - frame.float()).abs().mean() < 8  # JPEG loses a little


def test_explanations_are_refused_as_answers_are(service):
    response = explain(service, "v1", b"hello, this is text")
    assert response.status_code == 415
    assert "no video of a kind that is taken" in response.json()["detail"]
    assert explain(service, "v3").status_code == 404


def test_the_samples_are_what_they_say(service):
    """Drawn again a sample looks the same; any encoder loses a little."""
    drawn = samples.draw("open_door")
    read = video.read_frames(DOOR, range(len(drawn)))
    assert (read.float() - drawn.float()).abs().mean() < 5
    assert {path.stem for path in samples.FOLDER.iterdir()} == set(samples.ACTIONS)
    assert sum(path.stat().st_size for path in samples.FOLDER.iterdir()) < 300_000
    page = service.client.get("/").text
    assert re.findall(r'data-sample="(\w+).mp4"', page) == list(samples.ACTIONS)


def test_the_page_may_load_nothing_from_elsewhere(service):
    response = service.client.get("/")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    assert "*" not in policy
    for name in ("page.js", "page.css", "open_door.mp4"):
        assert service.client.get(f"/page/{name}").status_code == 200
    for name in ("nothing.js", "..%2Frest.py", "%2e%2e%2frest.py", "samples"):
        assert service.client.get(f"/page/{name}").status_code == 404


# With a browser.


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = browsing.start_browser(tmp_path_factory.mktemp("chromium"), log_requests=True)
    browsing.set_media(driver, "prefers-reduced-motion: reduce")
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(browser, service):
    browser.get_log("performance")  # the browser's own pages
    browsing.set_width(browser, 1440)
    browser.get(service.url)
    return browser


def until(browser, true):
    WebDriverWait(browser, 30, poll_frequency=0.05).until(lambda _: true())


def text_of(browser, name):
    return browser.find_element(By.ID, name).text


def choose(browser):
    browser.find_element(By.CSS_SELECTOR, '[data-sample="open_door.mp4"]').click()
    until(browser, lambda: text_of(browser, "heading") == "open_door.mp4, played forwards")


def bars(browser, version):
    """Class -> what is printed beside its bar, and how wide the bar is."""
    rows = browser.find_elements(By.CSS_SELECTOR, f".card.{version} li")
    return {
        row.get_attribute("data-class"): (
            row.find_element(By.CLASS_NAME, "value").text,
            row.find_element(By.CLASS_NAME, "bar").get_attribute("style"),
        )
        for row in rows
    }


def as_printed(probabilities):
    shown = {name: f"{100 * share:.1f}%" for name, share in probabilities.items()}
    return {name: (text, f"width: {text.replace('.0%', '%')};") for name, text in shown.items()}


def frames_of(browser):
    return [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, ".strip .number")]


def test_a_sample_shows_its_frames_and_both_answers_and_turns(page, service):
    told = {version: explain(service, version).json() for version in ("v1", "v2")}
    numbers = [f"frame {number}" for number in told["v1"]["frames"]]
    choose(page)
    assert frames_of(page) == numbers
    for version in ("v1", "v2"):
        assert bars(page, version) == as_printed(told[version]["forwards"]["probabilities"])
    before = bars(page, "v1")
    page.find_element(By.ID, "turn").click()
    assert text_of(page, "heading") == "open_door.mp4, played backwards"
    assert frames_of(page) == numbers[::-1]
    assert bars(page, "v1") == before
    assert bars(page, "v2") == as_printed(told["v2"]["backwards"]["probabilities"])
    shares = [e.text for e in page.find_elements(By.CSS_SELECTOR, ".share.v2 .value")]
    signs = [
        f"{share:+.2f}".replace("-", "−") for share in told["v2"]["backwards"]["contributions"]
    ]
    assert shares == signs
    assert f"v2 says {told['v2']['backwards']['label']}" in text_of(page, "status")


DROP = """
const data = new DataTransfer();
data.items.add(new File(['hello, this is text'], 'notes.txt'));
document.querySelector('main').dispatchEvent(
  new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
"""


def test_a_bad_file_that_is_dropped_is_refused_in_a_sentence(page):
    page.execute_script(DROP)
    until(page, lambda: text_of(page, "error"))
    assert text_of(page, "error") == (
        "The file is no video of a kind that is taken; send MP4, WebM or AVI."
    )
    assert not page.find_element(By.ID, "result").is_displayed()
    choose(page)
    assert text_of(page, "error") == ""


def test_a_file_is_chosen_from_the_disk_under_any_name(page, tmp_path):
    path = tmp_path / "<b>a door.mp4"
    path.write_bytes(DOOR.read_bytes())
    page.find_element(By.ID, "file").send_keys(str(path))
    until(page, lambda: text_of(page, "heading") == "<b>a door.mp4, played forwards")


def test_everything_is_reached_and_done_from_the_keyboard(page):
    page.refresh()
    stops = []
    for _ in range(5):  # the file, four samples
        ActionChains(page, duration=0).send_keys(Keys.TAB).perform()
        stops.append(page.execute_script("return look.tabStop()"))
    assert [stop["tag"] for stop in stops] == ["INPUT"] + 4 * ["BUTTON"]
    assert all(stop["ringed"] for stop in stops[1:])
    ring = "return getComputedStyle(document.getElementById('drop')).outlineStyle"
    ActionChains(page, duration=0).send_keys(Keys.ENTER).perform()
    until(page, lambda: text_of(page, "heading") == "open_book.mp4, played forwards")
    ActionChains(page, duration=0).send_keys(Keys.TAB, Keys.SPACE).perform()
    assert text_of(page, "heading") == "open_book.mp4, played backwards"
    page.execute_script("document.getElementById('file').focus({focusVisible: true})")
    assert page.execute_script(ring) == "solid"


def test_every_part_has_a_name_for_those_who_do_not_see_it(page):
    for element in page.find_elements(By.CSS_SELECTOR, "button, input, img, section"):
        if element.is_displayed() and element.find_elements(By.XPATH, "ancestor::li") == []:
            assert element.accessible_name, element.get_attribute("outerHTML")[:80]
    assert page.find_element(By.ID, "status").aria_role == "status"
    assert page.find_element(By.ID, "error").aria_role == "alert"


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_narrow_and_wide_light_and_dark(page, width, scheme):
    browsing.set_width(page, width)
    browsing.set_media(page, f"prefers-color-scheme: {scheme}", "prefers-reduced-motion: reduce")
    ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark")
    assert page.execute_script("return look.tooWide()") == []
    assert page.execute_script("return look.faintText('', 4.5)") == []


def test_nobody_else_was_asked_and_no_script_failed(page, service):
    """The last of the page's tests: everything that was done before is in the log."""
    entries = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = {
        entry["params"]["request"]["url"]
        for entry in entries
        if entry["method"] == "Network.requestWillBeSent"
    }
    assert f"{service.url}/api/v2/explain" in asked
    elsewhere = [url for url in asked if not url.startswith((f"{service.url}/", "data:"))]
    assert [url for url in elsewhere if not url.startswith("chrome:")] == []
    said = [entry["message"] for entry in page.get_log("browser")]
    assert [text for text in said if "status of 415" not in text] == []  # the bad file


def test_a_service_with_a_key_asks_for_it(browser, models):
    with service_of(models, api_key="sesame") as running:
        assert explain(running, "v1").status_code == 401
        assert explain(running, "v1", headers=KEY).status_code == 200
        browser.get(running.url)
        field = browser.find_element(By.ID, "key")
        until(browser, field.is_displayed)
        assert "must hold the key" in text_of(browser, "error")
        field.send_keys("sesame", Keys.ENTER)
        until(browser, lambda: not field.is_displayed())
        choose(browser)
