"""The Data page as a user drives it."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from medcls.data.collections import add_collection, list_collections, open_collection
from medcls.data.mending import change, list_changes
from tests.data import trees
from tests.pages.conftest import assert_sound, component, words

PAGE = "../data.py"


def show(app: AppTest, section: str) -> AppTest:
    control = next(c for c in app.get("button_group") if c.key == "part.section")
    control.set_value(section).run()
    assert_sound(app)
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert_sound(app)
    return app


def pictures(app: AppTest, word: str = "") -> int:
    """How many pictures stand in rows on the page, or those whose word says so."""
    shown = [c.proto for c in app.get("bidi_component") if c.proto.component_name == "medcls_gallery"]
    return sum(bool(row["src"]) and word in row["word"] for one in shown for row in json.loads(one.json)["rows"])


def test_an_empty_page_offers_the_first_step_and_adds_a_folder(open_app, tmp_path: Path) -> None:
    app = open_app(PAGE)
    assert "Add the folder of a data set" in words(app)
    app.text_input(key="data.add.path").set_value(str(trees.busi(tmp_path / "busi"))).run()
    press(app, "Look")
    assert {m.label: m.value for m in app.metric}["Scans"] == "12"
    press(app, "Add")
    assert open_collection("busi").record.n_cases == 12
    assert {m.label: m.value for m in app.metric}["Cases"] == "12"


def test_a_collection_added_beside_another_is_the_one_shown(open_app, tmp_path: Path) -> None:
    add_collection(trees.busi(tmp_path / "busi"), "busi")
    app = open_app(PAGE)
    app.text_input(key="data.add.path").set_value(str(trees.folders(tmp_path / "f"))).run()
    press(app, "Look")
    press(app, "Add")
    assert {m.label: m.value for m in app.metric}["Cases"] == "6"
    assert app.query_params["collection"] in ("f", ["f"])


def test_a_wrong_path_is_a_sentence(open_app, tmp_path: Path) -> None:
    app = open_app(PAGE)
    app.text_input(key="data.add.path").set_value(str(tmp_path / "missing")).run()
    press(app, "Look")
    assert any("nothing at this path" in e.value for e in app.error)


def test_a_damaged_index_is_told_in_its_place_and_another_collection_can_be_chosen(open_app, tmp_path: Path) -> None:
    for name in ("one", "two"):
        add_collection(trees.folders(tmp_path / name), name)
    (open_collection("one").stored[0].folder / "index.sqlite").write_bytes(b"no database")
    app = open_app(PAGE, collection="one")
    assert_sound(app)
    assert len(app.error) == 1
    assert any(c.key == "part.section" for c in app.get("button_group"))
    app = open_app(PAGE, collection="two")
    assert_sound(app)
    assert not app.error


def test_every_section_of_patches_with_places(open_app, tmp_path: Path) -> None:
    add_collection(trees.idc(tmp_path / "idc"), "idc")
    app = open_app(PAGE)
    assert_sound(app)
    assert len(app.get("plotly_chart")) == 2
    assert pictures(show(app, "Samples")) == 6, "one of each patient and label"
    show(app, "Patients")
    assert len(app.get("plotly_chart")) == 2, "histogram and shares"
    assert component(app, "medcls_viewer")["panes"][0]["maps"], "the tissue, with its labels over it"
    show(app, "Shortcuts")
    press(app, "Probe for shortcuts")
    assert any("needs more cases" in e.value for e in app.error)


def test_findings_are_settled_and_a_split_is_made(open_app, tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi", n=6)
    trees.save(root / "Dataset_BUSI_with_GT" / "normal" / "normal (9).png", trees.picture("benign", 2))
    add_collection(root, "busi")
    app = show(open_app(PAGE), "Findings")
    press(app, "Audit this collection")
    assert "One picture" in words(app)
    assert pictures(app) == 2
    assert pictures(app, "left out") == 2
    box = next(box for box in app.selectbox if box.label == "Proposed")
    assert box.value == "drop"
    box.select("merge").run()
    assert_sound(app)
    assert open_collection("busi").record.n_cases == 19
    assert "Settled" in [box.label for box in app.selectbox]
    single = next(box for box in app.multiselect if box.label == "Leave out single scans")
    single.select("normal/normal (9).png").run()
    assert_sound(app)
    assert open_collection("busi").record.n_cases == 18
    assert pictures(app, "left out") == 1
    next(box for box in app.multiselect if box.label == "Leave out single scans").unselect(
        "normal/normal (9).png"
    ).run()
    assert open_collection("busi").record.n_cases == 19
    show(app, "Split")
    press(app, "Make the split")
    assert any("Proof: 0 patients" in e.value for e in app.success)


def test_many_findings_are_settled_at_once_as_proposed(open_app, tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi", n=4)
    for i in (1, 2, 3):
        trees.save(root / "Dataset_BUSI_with_GT" / "benign" / f"benign ({20 + i}).png", trees.picture("benign", i))
    add_collection(root, "busi")
    app = show(open_app(PAGE), "Findings")
    press(app, "Audit this collection")
    press(app, "Settle all 3 as proposed")
    assert set(open_collection("busi").record.decisions.values()) == {"merge"}
    assert not [button for button in app.button if button.label.startswith("Settle")]


def test_a_leaky_split_of_somebody_else_is_refused_with_its_pictures(open_app, tmp_path: Path) -> None:
    add_collection(trees.bus_bra(tmp_path / "set", 12), "set")
    app = show(open_app(PAGE), "Split")
    assert "There is no split yet" in words(app)

    def hand_in(test_from: int, sides: str) -> None:
        lines = [
            f"Images/bus_{p:04d}-{s}.png,{'test' if s in sides or p > test_from else 'train'}"
            for p in range(1, 13)
            for s in "lr"
        ]
        app.file_uploader(key="data.split.file").upload("mine.csv", "\n".join(["id,part", *lines]).encode(), "text/csv")
        app.run()
        press(app, "Check and import")

    hand_in(12, "r")
    assert any("leaks" in e.value for e in app.error)
    assert pictures(app) == 12, "six groups, a scan of either side"
    assert {"what", "one side", "other side"} <= set(app.dataframe[0].value.columns)
    app.text_input(key="data.split.given").set_value("a/b")
    hand_in(8, "")
    assert any("cannot have this name" in e.value for e in app.error)
    app.text_input(key="data.split.given").set_value("mine")
    hand_in(8, "")
    assert not app.error
    assert any("Proof: 0 patients" in e.value for e in app.success)


def test_a_collection_is_forgotten_and_its_scans_stay(open_app, tmp_path: Path) -> None:
    root = trees.folders(tmp_path / "f")
    add_collection(root, "f")
    press(open_app(PAGE), "Forget it")
    assert list_collections() == ()
    assert len(list(root.rglob("*.png"))) == 6


def test_where_one_collection_is_forgotten_another_is_shown(open_app, tmp_path: Path) -> None:
    for name in ("one", "two"):
        add_collection(trees.folders(tmp_path / name), name)
    app = press(open_app(PAGE, collection="two"), "Forget it")
    assert [record.name for record in list_collections()] == ["one"]
    assert not app.warning
    assert {m.label: m.value for m in app.metric}["Cases"] == "6"


def test_the_way_shows_a_split_as_soon_as_it_is_made(open_app, tmp_path: Path) -> None:
    add_collection(trees.busi(tmp_path / "busi"), "busi")
    app = show(open_app(PAGE), "Split")
    assert "○\N{NO-BREAK SPACE}Split" in words(app)
    press(app, "Make the split")
    assert "✓\N{NO-BREAK SPACE}Split" in words(app)


def test_lesions_are_told_of_as_lesions(open_app, tmp_path: Path) -> None:
    add_collection(trees.ham10000(tmp_path / "ham"), "ham")
    app = open_app(PAGE)
    assert {m.label: m.value for m in app.metric}["Lesions"] == "4"
    assert "What else the set says" in words(app)
    show(app, "Patients")
    assert "Cases of one lesion" in words(app)
    assert pictures(app) == 2, "both images of the first lesion"


@pytest.mark.parametrize("section", ["Overview", "Samples", "Patients", "Findings", "Shortcuts", "Split"])
def test_names_from_outside_are_shown_as_they_are(section: str, open_app, tmp_path: Path) -> None:
    add_collection(trees.folders(tmp_path / "f"), "f")
    app = show(open_app(PAGE), section)
    assert "<img onerror" not in words(app)


def test_the_next_step_on_the_same_page_opens_its_section(open_app, tmp_path: Path) -> None:
    add_collection(trees.busi(tmp_path / "busi"), "busi")
    app = open_app(PAGE)
    show(app, "Samples")
    app.button(key="path.next").click().run()
    assert_sound(app)
    assert next(c for c in app.get("button_group") if c.key == "part.section").value == "Findings"
    assert "path.next" not in [button.key for button in app.button], "this is where it leads"
    press(app, "Audit this collection")
    app.button(key="path.next").click().run()
    assert next(c for c in app.get("button_group") if c.key == "part.section").value == "Split"


def test_changes_are_told_by_files_and_names_of_labels(open_app, tmp_path: Path) -> None:
    add_collection(trees.busi(tmp_path / "busi"), "busi")
    name, other = "benign (1).png", "benign (2).png"
    ids = {Path(case).name: case for case in open_collection("busi").column("id")}
    change("busi", {f"label:{ids[name]}": "malignant", f"drop:{ids[other]}": "drop"})
    app = show(open_app(PAGE), "Labels")
    told = " ".join(str(cell) for frame in app.dataframe for cell in frame.value.to_numpy().ravel())
    assert name in told
    assert other in told
    assert "label:" not in told
    rows = app.dataframe[-1].value
    assert sorted(zip(rows["case"], rows["what"], strict=True)) == [(ids[name], "relabelled"), (ids[other], "removed")]
    change("busi", {f"drop:{ids[other]}": None})
    assert app.run().dataframe[-1].value["case"].tolist() == [ids[name]], "the last version is compared"


def test_who_decides_is_kept_for_the_record_from_one_section_to_the_next(open_app, tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi", n=4)
    trees.save(root / "Dataset_BUSI_with_GT" / "benign" / "benign (21).png", trees.picture("benign", 1))
    add_collection(root, "busi")
    app = show(open_app(PAGE), "Labels")
    app.text_input(key="data.who").set_value("Dr. Kim").run()
    show(app, "Findings")
    press(app, "Audit this collection")
    press(app, "Settle")
    assert [one.who for one in list_changes("busi")] == ["Dr. Kim"]


def test_which_column_is_right_and_how_a_table_is_written_can_be_said(open_app, tmp_path: Path) -> None:
    root, rows = tmp_path / "set", ["파일명\t판독1\t판독2"]
    for i in range(8):
        trees.save(root / f"{i}.png", trees.picture("benign", i))
        rows.append(f"{i}.png\t{('양성', '악성')[i % 2]}\t{('양성', '악성')[(i + (i < 2)) % 2]}")
    (root / "라벨.tsv").write_bytes("\n".join(rows).encode("cp949"))
    app = open_app(PAGE)
    app.text_input(key="data.add.path").set_value(str(root)).run()
    press(app, "Look")
    assert any("판독1" in warning.value for warning in app.warning)
    next(box for box in app.selectbox if box.label == "Label").select("판독2")
    next(box for box in app.selectbox if box.label == "How the tables are written").select("cp949")
    press(app, "Apply")
    assert not app.warning
    assert next(box for box in app.selectbox if box.label == "Label").value == "판독2"
    press(app, "Add")
    made = open_collection("set")
    assert [made.record.name_of(made.case(f"{i}.png").label) for i in (0, 1, 2)] == ["악성", "양성", "양성"]


def test_of_a_set_not_recognised_a_person_says_which_columns_are_what(open_app, tmp_path: Path) -> None:
    root, rows = tmp_path / "set", ["file,q7,who"]
    for i in range(8):
        trees.save(root / f"{i}.png", trees.picture("benign", i))
        rows.append(f"{i}.png,{'km'[i % 2]},{i // 2}")
    (root / "t.csv").write_text("\n".join(rows))
    app = open_app(PAGE)
    app.text_input(key="data.add.path").set_value(str(root)).run()
    press(app, "Look")
    assert len(app.error) == 1
    column = {box.label: box for box in app.text_input}
    column["Label"].input("no such")
    press(app, "Look again")
    assert len(app.error) == 1
    column = {box.label: box for box in app.text_input}
    assert column["Label"].value == "no such"
    column["Label"].input("q7")
    column["Patient"].input("who")
    press(app, "Look again")
    assert not app.error
    counts = {m.label: m.value for m in app.metric}
    assert (counts["Scans"], counts["Labels"], counts["Patients or lesions"]) == ("8", "2", "4")
    assert not any(button.label == "Look again" for button in app.button)
