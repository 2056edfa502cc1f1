"""A folder per label; above and below it folders of parts, sites and patients, as people made them."""

from dataclasses import replace

from medcls.core.note import Note
from medcls.core.plan import PlanChoices
from medcls.data.labels import tidy
from medcls.data.layouts.beside import join_beside
from medcls.data.layouts.in_names import parts_by_file
from medcls.data.layouts.layout import Entry, Layout, Reading, common_root, with_part
from medcls.data.layouts.masks import find_companions, find_masks, with_masks
from medcls.data.layouts.roles import Roles, find_roles
from medcls.data.tree import DICOM as DICOM_KIND
from medcls.data.tree import Tree, without_masks


def read_folders(tree: Tree, choices: PlanChoices) -> Reading | None:
    """Return what the folders of a tree say of its pictures; None if they say no label."""
    masks = find_masks(tree)
    companions = find_companions(tree)
    pictures = [path for path in without_masks(tree) if path not in masks and path not in companions]
    roles = find_roles((tuple(path.split("/")[:-1]) for path in pictures), choices.folders)
    reading = Reading("folders", "", [])
    mostly_dicom = 2 * sum(tree.files[path] == DICOM_KIND for path in pictures) > len(pictures)
    reading.layout = "dicom" if mostly_dicom else "folders"
    if roles is None or len(roles.labels) < 2:
        if not pictures or not mostly_dicom:
            return None
        reading.entries = [Entry(path, None) for path in pictures]
        reading.why = [Note("data.why-dicom-unlabelled")]
    else:
        _fill(reading, pictures, roles)
    reading.entries = with_masks(reading.entries, masks)
    join_beside(tree, choices, reading)
    reading.root = _root(reading)
    return reading


def _root(reading: Reading) -> str:
    """Return the folder that holds the labels' folders, or what stands above them."""
    if not any(reading.folders.split("/")):
        return ""
    shared = common_root(entry.id.rpartition("/")[0] for entry in reading.entries)
    levels = reading.folders.split("/")
    wrappers = next((i for i, role in enumerate(levels) if role != "other"), 0)
    return "/".join(shared.split("/")[:wrappers]) if shared else ""


def _fill(reading: Reading, pictures: list[str], roles: Roles) -> None:
    reading.folders, reading.questions = roles.pattern, list(roles.questions)
    reading.why = [Note("data.why-folders", pattern=roles.pattern)]
    if "patient" in roles.levels or roles.owned:
        reading.patients_from.append(Note("data.from-folders"))
    for path in pictures:
        told = roles.place(tuple(path.split("/")[:-1]))
        if told is None:
            reading.left[path] = Note("data.outside-labels")
            continue
        attributes = with_part({}, told.get("part", ""))
        if "site" in told:
            attributes["site"] = tidy(told["site"])
        patient = tidy(told["patient"]) if "patient" in told else None
        group = f"{told['label']}/{tidy(told['group'])}" if "group" in told else None
        group = tidy(told["owner"]) if "owner" in told else group
        reading.entries.append(Entry(path, told["label"], patient, group, attributes=attributes))
    if not any({"part", "fold"} & set(entry.attributes) for entry in reading.entries):
        parts = parts_by_file(reading.entries)
        reading.entries = [replace(e, attributes=with_part(e.attributes, parts.get(e.id, ""))) for e in reading.entries]


FOLDERS = Layout("folders", Note("data.layout-folders"), read_folders)
DICOM = Layout("dicom", Note("data.layout-dicom"), read_folders)
