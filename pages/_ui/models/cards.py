"""Models: one model's card as a person reads it, and what can be done with it."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from medcls.core.evaluation import Evaluation
from medcls.core.model import ModelCard
from medcls.core.task import Task
from medcls.core.titles import titles_of
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import compare, exchange, models, people, tables
from pages._ui import state
from pages._ui.models import sites
from pages._ui.widgets import downloads, notices, pickers
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_scores import confusion_chart
from pages._ui.widgets.numbers import show_estimate
from pages._ui.widgets.palette import label_word
from pages._ui.widgets.pickers import model_title


def evaluation_of(card: ModelCard) -> Evaluation | None:
    """Return what was measured of a model; None if nothing was, or if it cannot be read (which is then shown)."""
    try:
        return models.evaluation_of(card.id)
    except MedclsError as error:
        notices.show_error(error)
        return None


def show_card(card: ModelCard) -> None:
    """Show one model's card: what it answers, how good it is, what it learned from, how far to trust it."""
    st.subheader(notices.escape(card.name or card.id))
    st.caption(
        notices.escape(
            say(
                "pages.models-million-weights",
                {"id": card.id, "backbone": pickers.network_title(card), "n_parameters": card.n_parameters / 1e6},
            )
        )
    )
    if card.retired:
        st.warning(
            say("pages.models-retired", {"retired": notices.escape(card.retired)}), icon=":material/inventory_2:"
        )
    sites.show_sites(card)
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        _show_what(card)
        _show_trust(card)
        _show_origin(card)
    with right:
        _show_figures(card)
        _show_pointing(card)


def _show_what(card: ModelCard) -> None:
    answers = ", ".join(notices.escape(label_word(card.task, label)) for label in card.task.label_ids)
    st.markdown(
        say("pages.models-it-answers-or-cannot", {"question": notices.escape(card.task.question), "answers": answers})
    )
    _list(say("pages.models-what-it-learned"), [card.trained_on or say("pages.models-not-stated")])
    _list(say("pages.models-what-it-was"), [*card.task.limits, *card.limits] or [say("pages.models-not-stated")])
    if card.is_mean:
        names = {one.id: model_title(one) for one in models.list_models(card.task.id, retired=True)}
        _list(say("pages.models-it-averages"), [names.get(one, one) for one in card.networks])


def _list(title: str, lines: Sequence[str]) -> None:
    st.markdown(f"**{title}**\n" + "\n".join(f"- {notices.escape(line)}" for line in lines))


def _show_trust(card: ModelCard) -> None:
    c, a = card.calibration, card.abstention
    lines = [
        say("pages.models-temperature-n", {"temperature": c.temperature, "how": c.how, "n": c.n}),
        say("pages.models-it-says-cannot", {"min_prob": a.min_prob, "how": a.how, "n": a.n}),
    ]
    lines += [
        say("pages.models-operating-point-at", {"name": t.name, "label": t.label, "prob": t.prob, "note": t.note})
        for t in card.thresholds
    ]
    _list(say("pages.models-how-far-to"), lines)


def _show_origin(card: ModelCard) -> None:
    with st.expander(say("pages.models-where-it-came")):
        lines = [
            *models.describe_making(card),
            say("pages.models-licence", {"licence": card.licence or say("pages.models-licence-none")}),
        ]
        st.markdown("\n".join(f"- {notices.escape(line)}" for line in lines))


def _show_figures(card: ModelCard) -> None:
    found = evaluation_of(card)
    if found is None:
        st.info(say("pages.not-measured"))
        return
    show_evaluation(found, card.task, key="models.confusion")


def show_evaluation(found: Evaluation, task: Task, key: str) -> None:
    """Show every score of an evaluation with its interval, and the confusion matrix under a chart's `key`."""
    basis = say(
        "pages.basis", {"cases": found.n_cases, "groups": found.n_groups, "collection": titles_of(found.collection)}
    )
    st.markdown(say("pages.models-how-good-it-is", {"n": notices.escape(f"{basis}: {found.part}.")}))
    for note in found.notes:
        st.caption(notices.escape(note))
    if len(found.by_site()) > 1:
        st.caption(say("pages.pooled-caution"))
    titles = compare.score_titles(found.labels) | {"ece_floor": say("pages.models-of-it-expected-by")}
    names = [
        n for n in (*tables.SHOWN_SCORES, *(n for n in found.scores if ":" in n)) if n in found.scores and n in titles
    ]
    st.dataframe(
        [
            {
                say("pages.head-score"): titles[n],
                say("pages.models-value-95-interval"): show_estimate(found.scores[n]),
                say("pages.groups"): found.scores[n].n,
                say("pages.head-how"): str(found.scores[n].how),
            }
            for n in names
        ],
        hide_index=True,
        height=320,
        alt=say("pages.models-every-score-of"),
    )
    st.markdown(say("pages.models-truth-row-answer-column"))
    show_chart(
        confusion_chart(found.confusion, [label_word(task, label) for label in found.labels]), key=key, width=420
    )


def _show_pointing(card: ModelCard) -> None:
    """Show how often the model's heatmaps point at the lesion, beside the two controls."""
    try:
        studies = models.pointing_of(card.id)
    except MedclsError as error:
        notices.show_error(error)
        return
    for study in studies:
        st.markdown(say("pages.models-where-its-heatmaps-point", {"about": notices.escape(study.about)}))
        rows = [
            {
                say("pages.head-heatmap"): say("pages.models-control", {"title": row.title})
                if row.control
                else row.title,
                say("pages.models-points-at-the-lesion"): show_estimate(row.hits),
                say("pages.models-above-the-centred-gaussian"): row.gain,
                say("pages.head-n"): row.hits.n,
                say("pages.models-energy-inside"): show_estimate(row.energy_inside),
                say("pages.models-iou"): show_estimate(row.iou),
            }
            for row in study.rows
        ]
        st.dataframe(
            rows, hide_index=True, alt=say("pages.models-how-often-heatmaps", {"collection": study.collection})
        )
        for note in study.notes:
            st.caption(notices.escape(note))


def show_actions(card: ModelCard) -> None:
    """Offer what can be done with a model: compare, export as ZIP or ONNX, retire or put back."""
    st.markdown(say("pages.models-with-this-model"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        mode = downloads.ask_mode("models.zip", "others")
        st.download_button(
            say("pages.models-export-as-zip"),
            people.as_now(lambda: exchange.export_bytes(card.id, mode)),
            f"{card.id}.zip",
            "application/zip",
            icon=":material/archive:",
            help=say("pages.zip-help"),
        )
        if not card.is_mean and st.button(
            say("pages.models-make-onnx"),
            icon=":material/deployed_code:",
            help=say("pages.models-written-run-and"),
        ):
            _make_onnx(card)
        made = st.session_state.get(state.MODEL_ONNX)
        if made and made[0] == card.id:
            st.download_button(
                say("pages.models-download-onnx", {"id": card.id}),
                made[1],
                f"{card.id}.onnx",
                "application/octet-stream",
                icon=":material/download:",
            )
    if made and made[0] == card.id:
        st.caption(say("pages.models-checked-on-inputs", {"made": made[2], "made2": made[3]}))
    _retire(card)


def _make_onnx(card: ModelCard) -> None:
    bar = st.empty()

    def tell(done: int, total: int, stage: str = "") -> None:
        bar.progress(done / total, say("pages.models-writing-the-network", {"i": done + 1, "n": total}))

    with TemporaryDirectory() as aside:
        try:
            found = exchange.export_onnx(card.id, Path(aside), progress=tell)
            st.session_state[state.MODEL_ONNX] = (card.id, found.path.read_bytes(), found.n_scans, found.greatest)
        except MedclsError as error:
            notices.show_error(error)
    bar.empty()


def _retire(card: ModelCard) -> None:
    if card.retired:
        if st.button(say("pages.offer-again"), icon=":material/undo:"):
            _change(card, "")
        return
    if st.button(say("pages.retire"), icon=":material/inventory_2:"):
        _ask_retire(card)


def _ask_retire(card: ModelCard) -> None:
    """Ask by name before a model is retired."""

    @st.dialog(say("pages.retire-title"))
    def sheet() -> None:
        st.markdown(notices.escape(say("pages.retire-what", {"name": card.name or card.id})))
        reason = st.text_input(say("pages.retire-why"), max_chars=200, key=f"models.reason.{card.id}")
        if st.button(
            say("pages.retire-do"), type="primary", disabled=not reason.strip(), key=f"models.retire.{card.id}"
        ):
            st.session_state[state.MODEL_RETIRED] = card.id
            _change(card, reason.strip())

    sheet()


def _change(card: ModelCard, reason: str) -> None:
    try:
        models.retire(card.id, reason)
    except MedclsError as error:
        notices.show_error(error)
        return
    if not reason:
        st.session_state.pop(state.MODEL_RETIRED, None)
    elif not st.session_state.get(state.MODELS_RETIRED):  # it leaves the list
        state.remember(state.CARD, None)
    st.rerun()
