"""What a person does with pictures, links and narrow screens, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medcls.imaging.phantom import phantom
from medcls.inlets import inbox
from medcls.tasks import list_tasks
from medcls.workflows import site_figures
from pages._ui.classify import worth
from tests.e2e.conftest import Server, Tab, fork_server, settle, stand, stop_server, walk
from tests.e2e.test_access import in_both_themes
from tests.inlets.conftest import dicom
from tests.runs.processes import add_phantoms
from tests.tiny import install

pytestmark = pytest.mark.e2e
PAGES = ("Worklist", "Heatmaps", "Compare", "Site", "Data", "Train", "Runs", "Models")  # after Classify
# The words of the choices that end beyond their row or the page.
CUT = """width => [...document.querySelectorAll('[data-testid="stButtonGroup"] button, [data-testid="stTopNavSection"]')]
    .filter(node => node.offsetParent && getComputedStyle(node).opacity !== '0')
    .filter(node => {
        const box = node.getBoundingClientRect()
        const row = node.closest('[data-testid="stButtonGroup"]')
        const room = row ? row.getBoundingClientRect() : { left: 0, right: width }
        return box.left < room.left - 1 || box.right > room.right + 1 || box.right > width
    })
    .map(node => node.textContent)"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tiny_made: Path) -> Iterator[Server]:
    """A server whose home holds two models and labelled scans."""
    home = tmp_path_factory.mktemp("filled")
    for n in (1, 2):
        install(tiny_made, home / "weights", f"breast-ultrasound--tiny--000{n}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(home))
        add_phantoms(home / "scans", each=3)
        (home / "servers.toml").write_text('[receive]\ncallers = ["US1"]\n')
        for seed, name in enumerate(("EXAMPLE^ANNA", "EXAMPLE^BEN")):
            inbox.put(dicom(name, seed))
    server = fork_server(home, home / "log.txt")
    yield server
    stop_server(server)


@pytest.fixture
def room(tab: Tab) -> Iterator:
    """The file's page, whose console stays without errors."""
    tab.make_ready()
    yield tab.page
    assert not tab.errors


def drop(page, *labels: str) -> None:
    """Drop a scan of each label, a malignant one unless said otherwise, and wait for the viewer."""
    files = [
        {"name": f"{label}.png", "mimeType": "image/png", "buffer": phantom("breast-ultrasound", label, 21)}
        for label in labels or ("malignant",)
    ]
    page.locator('input[type="file"]').first.set_input_files(files)
    page.locator(".viewer[data-ready]").first.wait_for()
    settle(page)


def test_a_labelled_scan_opens_large_and_leads_to_the_next(room, filled: Server) -> None:
    """A click opens a picture of the rows in the viewer; an arrow there goes on."""
    stand(room, f"{filled.url}/data?section=Samples")
    pictures = room.locator(".gallery button")
    pictures.nth(1).wait_for()
    names = [pictures.nth(i).get_attribute("title") for i in range(3)]
    pictures.nth(1).click()
    sheet = room.get_by_role("dialog")
    sheet.locator(".viewer[data-ready]").wait_for()
    assert sheet.locator(".title").inner_text() == names[1]
    sheet.locator(".viewer").focus()
    room.keyboard.press("ArrowRight")
    sheet.locator(".title", has_text=str(names[2])).wait_for()
    settle(room)
    room.keyboard.press("Escape")
    sheet.wait_for(state="detached")


def test_the_address_holds_what_heatmaps_shows_and_back_takes_it_back(room, filled: Server) -> None:
    stand(room, f"{filled.url}/heatmaps?method=layercam,gradcam&label=normal")
    drop(room)
    assert room.locator(".stage .title").all_inner_texts()[1:] == ["LayerCAM", "Grad-CAM"]
    assert "label=normal" in room.url
    room.get_by_text("Labels", exact=True).click()
    room.wait_for_url("**by=label**")
    settle(room)
    assert len(room.locator(".stage .title").all_inner_texts()) == 4
    room.go_back()
    room.locator(".stage .title", has_text="LayerCAM").wait_for()
    assert "by=label" not in room.url


def test_the_address_names_the_card_that_is_read(room, filled: Server) -> None:
    """A link to a model's card opens it; one to a model that is gone is told."""
    stand(room, f"{filled.url}/models?card=breast-ultrasound--tiny--0002")
    room.get_by_text("breast-ultrasound--tiny--0002 ·").wait_for()
    stand(room, f"{filled.url}/models?card=gone")
    room.locator('[data-testid="stAlert"]', has_text="gone").wait_for()


def test_undo_is_in_sight_where_a_model_was_retired_and_the_address_names_it_no_more(room, filled: Server) -> None:
    """The button that retires is at the foot of a long page; the way back stands above the page's lower edge."""
    name = "breast-ultrasound--tiny--0002"
    stand(room, f"{filled.url}/models?card={name}")
    room.get_by_role("button", name="Retire …").click()
    room.get_by_role("dialog").get_by_role("textbox").fill("by mistake")
    room.keyboard.press("Enter")
    settle(room)
    room.get_by_role("dialog").get_by_role("button", name="Retire", exact=True).click()
    undo = room.get_by_role("button", name="Undo")
    undo.wait_for()
    settle(room)
    box = undo.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= room.viewport_size["height"]
    assert "card=" not in room.url
    undo.focus()
    room.keyboard.press("Enter")
    room.wait_for_url(f"**card={name}**")
    settle(room)
    assert undo.count() == 0


def test_a_map_that_comes_after_its_scan_is_laid_over_it_and_stays(room, filled: Server) -> None:
    """The scan is sent once a run; how it is looked at outlives the map's coming and the page's next run."""
    stand(room, filled.url)
    drop(room)
    drawn = ".stage canvas.map[data-drawn='1']"
    seen = "node => node.style.transform"
    room.locator('.viewer[data-maps="1"]').wait_for()
    room.locator(drawn).wait_for()
    settle(room)
    scan = room.locator(".stage canvas").first.element_handle()
    whole = scan.evaluate(seen)
    room.locator(".viewer").first.focus()
    room.keyboard.press("+")
    room.wait_for_function("([node, whole]) => node.style.transform !== whole", arg=[scan, whole])
    closer = scan.evaluate(seen)
    room.get_by_role("button", name="How it was read").click()
    room.get_by_role("dialog").wait_for()
    settle(room)
    assert scan.evaluate(seen) == closer
    assert room.locator(drawn).count() == 1
    assert room.locator(".viewer").first.get_attribute("data-maps") == "1"


def test_a_narrow_page_shows_the_scan_as_wide_as_the_page_and_the_answer_under_it(room, filled: Server) -> None:
    room.set_viewport_size({"width": 800, "height": 900})
    stand(room, filled.url)
    drop(room)
    status = room.get_by_role("status").first
    status.wait_for()
    for width in (800, 390):
        room.set_viewport_size({"width": width, "height": 900})
        settle(room)
        scan, answer = room.locator(".viewer").first.bounding_box(), status.bounding_box()
        assert scan["width"] > 0.9 * width
        assert answer["y"] >= scan["y"] + scan["height"]


def test_a_phone_shows_the_pictures_before_what_can_be_asked_of_them(room, filled: Server) -> None:
    """On Heatmaps and Compare: head, answer, pictures as wide as the page, then the pickers."""
    stand(room, f"{filled.url}/heatmaps")
    drop(room)
    for asked in ("Methods", "Models, two to eight"):
        room.set_viewport_size({"width": 390, "height": 844})
        settle(room)
        pictures = room.locator(".viewer").first.bounding_box()
        picker = room.get_by_role("combobox", name=asked).bounding_box()
        assert room.get_by_role("heading").first.bounding_box()["y"] < pictures["y"] < picker["y"]
        assert pictures["width"] > 0.9 * 390
        room.set_viewport_size({"width": 1280, "height": 900})
        if asked == "Methods":
            room.get_by_role("link", name="Compare").first.click()
            room.locator(".stage .title", has_text="Tiny").first.wait_for()
            settle(room)


def test_the_card_s_buttons_are_seen_without_scrolling(room, filled: Server) -> None:
    """On the smallest screen a ward has, with a worklist beside: answer, what it is worth, and what to do."""
    room.set_viewport_size({"width": 1280, "height": 800})
    stand(room, filled.url)
    drop(room, "malignant", "benign")
    room.locator('.viewer[data-maps="1"]').wait_for()
    settle(room)
    buttons = room.locator(".st-key-card button")

    def end() -> float:
        boxes = [buttons.nth(i).bounding_box() for i in range(buttons.count())]
        assert len(boxes) >= 5
        return max(box["y"] + box["height"] for box in boxes)

    assert end() <= 800
    viewer = room.locator(".viewer").first.bounding_box()
    assert viewer["y"] + viewer["height"] <= 800
    room.get_by_role("button", name="Reading", exact=True).click()
    room.get_by_text("All of this drop").click()
    settle(room)
    room.keyboard.press("Escape")
    room.locator(".st-key-case").wait_for()
    assert end() <= 800, "the answer of the case stands above it"


def test_an_answer_is_read_whole_in_a_list_that_scrolls(room, filled: Server) -> None:
    """The longest word of the shipped tasks, beside its probability and the list's scrollbar."""
    room.set_viewport_size({"width": 1280, "height": 800})
    stand(room, filled.url)
    drop(room, *["malignant"] * 12)
    room.locator(".list .line .prob", has_text="0.").first.wait_for()
    settle(room)
    cut = """chip => {
        chip.textContent = 'not melanoma'
        return [chip.scrollWidth - chip.clientWidth, chip.closest('.list').scrollHeight - chip.closest('.list').clientHeight]
    }"""
    row = room.locator(".list .line", has=room.locator(".prob", has_text="0.")).first
    beyond, scrolled = row.locator(".chip").evaluate(cut)
    assert scrolled > 0
    assert beyond <= 0


def test_the_worklist_is_read_by_keyboard_alone(room, filled: Server) -> None:
    stand(room, f"{filled.url}/worklist")
    room.locator('[data-testid="stDataFrame"] canvas').first.wait_for()
    reach(room, "document.activeElement.tagName === 'CANVAS'")
    for key in ("ArrowDown", "ArrowDown", "Shift+Space"):
        room.keyboard.press(key)
    settle(room)
    reach(room, "document.activeElement.textContent === 'Read these'")
    room.keyboard.press("Enter")
    room.locator(".viewer[data-ready]").first.wait_for()
    assert "/worklist" not in room.url


def reach(page, there: str, most: int = 40) -> None:
    """Press Tab until the focus is where an expression says."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"!!({there})"):
            return
    raise AssertionError(f"the keyboard does not lead there: {there}")


def test_one_click_changes_the_theme_of_every_page(room, filled: Server) -> None:
    """Charts follow, sheets outside the app too, and a page opened afterwards begins with it."""
    app = "document.querySelector('[data-testid=stApp]')"
    scheme = f"() => [document.documentElement, {app}].map(n => getComputedStyle(n).colorScheme)"
    ink = "() => getComputedStyle(document.querySelector('.js-plotly-plot .xtick text')).fill"
    stand(room, f"{filled.url}/data?section=Overview")
    room.locator(".js-plotly-plot .xtick text").first.wait_for()
    assert room.evaluate(scheme) == ["light", "light"]
    before = room.evaluate(ink)
    room.get_by_role("button", name="Light or dark").click()
    room.wait_for_function(f"before => ({ink})() !== before", arg=before)
    dark = f"() => ({scheme})().every(one => one === 'dark')"  # the document follows the app by a moment
    room.wait_for_function(dark)
    stand(room, f"{filled.url}/worklist")
    room.wait_for_function(dark)


def test_every_page_with_something_on_it_is_whole_at_every_width_and_has_no_serious_finding(
    room, filled: Server
) -> None:
    """Tabs, buttons and navigation end within the page, with their whole words; axe-core in both themes.

    The two scans dropped on Classify go along to Heatmaps and Compare.
    """
    stand(room, filled.url)
    drop(room, "malignant", "benign")
    room.locator('.viewer[data-maps="1"]').wait_for()
    settle(room)
    found = {"Classify": check(room)} | {name: check(room) for name in walk(room, *PAGES)}
    assert not {name: told for name, told in found.items() if told}


def check(page) -> list[str]:
    """Return what is cut at a width, and what axe-core finds."""
    cut = []
    for width in (800, 390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        cut += [f"{width} px: {word}" for word in page.evaluate(CUT, width)]
    return cut + [f"{scheme}: {line}" for scheme, lines in in_both_themes(page).items() for line in lines]


def test_what_was_put_away_does_not_come_back_with_the_next_drop(room, filled: Server) -> None:
    stand(room, filled.url)
    drop(room, "malignant")
    room.get_by_role("button", name="Put away").click()
    room.get_by_role("button", name="Try: drawn as").first.wait_for()
    settle(room)
    drop(room, "benign")
    room.locator(".stage .title", has_text="benign.png").wait_for()
    assert room.locator(".list .line").count() == 0, "one scan, not two"


def test_what_an_answer_was_worth_stays_within_the_narrowest_card(chromium) -> None:
    """Counts of thousands at three places, one with a hyphen; 286 px is the card's room beside a worklist at 1280."""
    task = list_tasks()["skin-melanoma"]
    counts = ((1004, 88), (22, 390))
    places = [
        site_figures.SiteFigures(*at, {}, counts, 198)
        for at in (("ham10000", "measured"), ("isic2017", "measured"), ("Ward-3", "here"))
    ]
    rows = [(one.title, one.track_record(task, task.label_ids[0], 0.1)) for one in places]
    page = chromium.new_page(viewport={"width": 286, "height": 600})
    page.set_content(
        f'<body style="margin:0;font:15px system-ui,DejaVu Sans,sans-serif">{worth.table(rows, "not melanoma")}'
    )
    table = page.locator("table")
    wide = table.evaluate("node => [node.scrollWidth, node.parentElement.clientWidth, node.parentElement.scrollWidth]")
    page.close()
    assert max(wide) <= 286
