"""What a report notebook calls: `start` once, then `page.ask` for each question, `page.finish` at the end.

Each shows a block of ours: a private MIME type that the report is made from, with plain HTML for
JupyterLab. A question that the data cannot answer shows what is missing and why, and the notebook goes on.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import set_language, t
from cjlib.report import asked
from cjlib.report.blocks import Block, Missing, Shown, display
from cjlib.report.context import comparisons_made
from cjlib.report.manifest import software

_SECTIONS = {
    "funnel": "funnels",
    "time_to_event": "clocks",
    "conversion_drivers": "clocks: drivers",
    "never_converters": "clocks",
    "segment_scan": "clocks: horizons",
    "churn": "churn",
    "retention": "churn",
    "churn_prediction": "churn",
    "silence_threshold": "churn",
    "still_customers": "churn",
    "life_cycle": "churn",
    "repeat_purchases": "churn",
    "rolling_retention": "churn",
    "scores": "sources: responses",
    "say_do_ledger": "ledger",
    "score_worth": asked.FORETOLD,
    "distinctive_words": asked.COMMENTS,
}
"""Where the study file declares what an analysis needs, for those that say so on the page."""


@dataclass
class Page:
    """An opened study and the count of what was shown. Made by `start`."""

    study: Any
    run_id: str = ""
    folder: Path = Path()
    shown: list[Any] = field(default_factory=list)

    @property
    def events(self) -> Any:
        """What customers did."""
        return self.study.events

    @property
    def responses(self) -> Any:
        """What customers said."""
        return self.study.responses

    @property
    def interviews(self) -> Any:
        """What people said in interviews."""
        return self.study.interviews

    @property
    def customers(self) -> Any:
        """Who they are."""
        return self.study.customers

    def funnels(self, by: str = "") -> asked.Asked:
        """Funnels that the study declares; `by` replaces their breakdown."""
        return asked.funnels(self.study.spec, by)

    def clocks(self, by: str = "") -> asked.Asked:
        """Clocks that the study declares; `by` replaces their breakdown."""
        return asked.clocks(self.study.spec, by)

    @property
    def stage_clocks(self) -> asked.Asked | None:
        """Stages of the journey, one clock from each to the next; None where the study names none."""
        return asked.stage_clocks(self.study.spec)

    @property
    def conversion_drivers(self) -> asked.Asked:
        """Clocks of the study with what may go with their outcome."""
        return asked.conversion_drivers(self.study.spec)

    @property
    def segments(self) -> asked.Asked:
        """Clocks of the study whose segments are scanned."""
        return asked.segments(self.study.spec)

    @property
    def churn(self) -> asked.Asked:
        """What leaving means in this study."""
        return asked.churn(self.study.spec)

    @property
    def repeats(self) -> asked.Asked | None:
        """Events of this study that come again; None where it names none."""
        return asked.repeats(self.study.spec)

    @property
    def contract(self) -> asked.Asked | None:
        """Contracts of this study; None where leaving is inferred from silence."""
        return asked.contract(self.study.spec)

    @property
    def silent_leaving(self) -> asked.Asked | None:
        """What leaving means in this study; None where it is recorded by an event."""
        return asked.silent_leaving(self.study.spec)

    @property
    def leaving(self) -> asked.Asked | None:
        """What leaving means, for questions that need not say again that it is not declared."""
        return asked.leaving(self.study.spec)

    @property
    def scores(self) -> asked.Asked:
        """Every instrument of the study."""
        return asked.scores(self.study.spec, self.study.responses.instruments)

    @property
    def scores_by(self) -> asked.Asked | None:
        """Every instrument by every breakdown of the study."""
        return asked.scores_by(self.study.spec, self.study.responses.instruments)

    @property
    def doors(self) -> asked.Asked | None:
        """Every instrument whose answers came in several ways, if the study says which."""
        responses, trigger = self.study.responses, self.study.spec.scores.trigger
        if not trigger or not responses.n_invitations:
            return None
        frame = responses.frame(["instrument", trigger], only=responses.answers())
        kinds = frame.groupby("instrument")[trigger].nunique()
        return asked.doors(self.study.spec, {str(name): int(k) for name, k in kinds.items()})

    @property
    def last_quarters(self) -> asked.Asked | None:
        """Every instrument: the last whole quarter against the one before."""
        return asked.last_quarters(self.study.spec, self.study.responses.instruments)

    @property
    def silent(self) -> asked.Asked | None:
        """Every instrument, with what tells before the invitation who will answer."""
        return asked.silent(self.study.spec, self.study.responses.instruments)

    @property
    def trends(self) -> asked.Asked | None:
        """Every instrument of the study, to be followed over time."""
        return asked.trends(self.study.responses.instruments)

    @property
    def comparisons(self) -> asked.Asked | None:
        """Every instrument by every breakdown of the study, pair by pair."""
        return asked.comparisons(self.study.spec, self.study.responses.instruments)

    @property
    def drivers(self) -> asked.Asked | None:
        """Experiences that may go with the scores of each instrument."""
        return asked.drivers(self.study.spec, self.study.responses.instruments)

    @property
    def coded(self) -> asked.Asked | None:
        """Coded interviews, if the study has any."""
        return asked.coded(self.study.spec)

    @property
    def ledger(self) -> asked.Asked | None:
        """Contradictions between words and deeds that the study declares; empty says why there are none at all."""
        return asked.ledger(self.study.spec) if self._both else ()

    @property
    def said_before(self) -> asked.Asked | None:
        """Events that answers are held against: whether they had happened when the answer was given."""
        return asked.said_before(self.study.spec) if self._both else None

    @property
    def said_after(self) -> asked.Asked | None:
        """Outcomes looked for after the answer."""
        return asked.said_after(self.study.spec) if self._both else None

    @property
    def foretold(self) -> asked.Asked | None:
        """The same; empty where the study looks at answers and deeds, but at none that follows an answer."""
        return asked.foretold(self.study.spec) if self._both else None

    @property
    def _both(self) -> bool:
        """Whether there are words and deeds to be held against each other."""
        return bool(self.study.responses.n_invitations and self.study.events.n_events)

    @property
    def words(self) -> asked.Asked:
        """Comments to be read, if there are any."""
        return asked.words(self._commented)[0]

    @property
    def comments(self) -> asked.Asked | None:
        """The same, for questions that are left out where there are none."""
        return self.words or None

    @property
    def words_by_stage(self) -> asked.Asked | None:
        """Comments about several stages."""
        return asked.words(self._commented)[1]

    @property
    def words_after(self) -> asked.Asked | None:
        """Outcomes looked for after a comment."""
        return self.said_after if self.words else None

    @property
    def _commented(self) -> list[str | None]:
        """Stage of every comment."""
        responses = self.study.responses
        if not responses.n_invitations:
            return []
        return list(responses.frame(["stage"], only=lambda table: table.filter(table.comment.notnull()))["stage"])

    @property
    def map(self) -> dict[str, Any]:
        """Stages, touchpoint classes and human lanes of the journey map."""
        return asked.journey_map(self.study.spec, self.folder, self.study.info.where)

    def ask(self, analysis: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call an analysis; the answer is its result, or a `Missing` where the data do not suffice.

        Examples
        --------
        >>> def median_time(values):
        ...     raise NotEnoughDataError("Only 2 customers bought; at least 5 are needed.")
        >>> Page(study=None).ask(median_time, [1, 2])
        <Missing: Only 2 customers bought; at least 5 are needed.>
        """
        try:
            result = analysis(*args, **kwargs)
        except NotEnoughDataError as problem:
            return Missing(t("This question cannot be answered from these data."), str(problem))
        self.shown.append(result)
        return result

    def ask_if(self, wanted: bool, analysis: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """`ask` where a parameter of the page wants it; else nothing is shown."""
        return self.ask(analysis, *args, **kwargs) if wanted else Shown(())

    def ask_each(self, analysis: Callable[..., Any], data: Any, specs: Sequence[Any] | None, **common: Any) -> Any:
        """Ask once per declaration of the study (funnels, clocks, ...), which fills the arguments.

        A declaration gives the analysis every argument of that name that it takes; `common` goes before.
        Where it names a unit, `data` is counted per that unit.

        Returns
        -------
        Shown
            All answers, each its own output; or one `Missing` if the study declares none. Empty where `specs`
            is None: the question makes no sense in this study (renewals without contracts).
        """
        if specs is None:
            return Shown(())
        if not specs:
            section = _SECTIONS.get(analysis.__name__, analysis.__name__)
            what = t("This question cannot be answered from these data.")
            return Missing(what, *asked.nothing_asked(self.study, section), asked=False)
        answers = [self.ask(analysis, _per_unit(data, spec), **(_arguments(analysis, spec) | common)) for spec in specs]
        return Shown(answers, [str(spec.get("name") or "") for spec in specs])

    def finish(self) -> None:
        """Show the versions behind the numbers, and that the notebook came to its end."""
        versions = software()
        comparisons = sum(getattr(result, "comparisons", 0) for result in self.shown)
        content = {
            "block": "finish", "run_id": self.run_id, "n_results": len(self.shown), "comparisons": comparisons,
            "environment": versions,
        }  # fmt: skip
        rows = [(t("Comparisons"), comparisons_made(comparisons)), *versions.items()]
        display(Block(content, t("Environment"), rows))


def _arguments(analysis: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    taken = inspect.signature(analysis).parameters
    return {name: value for name, value in given.items() if name in taken and value is not None}


def _per_unit(data: Any, given: Mapping[str, Any]) -> Any:
    unit = given.get("unit")
    columns = (unit,) if isinstance(unit, str) else tuple(unit or ())
    return data.per(unit) if columns not in ((), ("customer",)) else data


def start(*, study: str, data: str = "", lang: str = "", where: str = "", run_id: str = "", title: str = "") -> Page:
    """Open the study of this page and show what the numbers rest on.

    Parameters
    ----------
    study : str
        Path of the study file, as seen from the working folder or from one of the folders above it.
    data : str
        Data folder instead of the study's own.
    lang : str
        Language of the page; "" = the study's.
    where : str
        "attribute=value": only these customers.
    run_id : str
        Given by the runner; `finish` shows it.
    title : str
        Title of the page; "" = its first heading.

    Returns
    -------
    Page

    Raises
    ------
    ParameterError
        CJ-RP-006: no such file or folder. What is wrong in the study or its data is said by `open_study`.
    """
    from cjlib.journey.study import open_study

    if lang:
        set_language(lang)
    path = find("study", study)
    opened = open_study(path, data=str(find("data", data)) if data else None, where=where or None)
    if not lang:
        lang = str(getattr(opened.spec, "language", "") or "en")
        set_language(lang)
    facts = dict(opened.provenance)
    params = {"study": study, "data": data, "lang": lang, "where": where}
    content = {
        "block": "start",
        "title": title,
        "study": opened.title,
        "lang": lang,
        "provenance": {**facts, "software": software()},
        "params": params,
    }
    display(Block(content, opened.title, _banner(facts, where)))
    return Page(opened, run_id, path.parent)


def find(name: str, path: str) -> Path:
    """`path` as given, or below the nearest folder above the working folder that has it.

    So that `studies/demo.yml` is found by a notebook that JupyterLab runs in `notebooks/reports`.
    """
    for folder in (Path(), *Path.cwd().parents):
        if (folder / path).exists():
            return folder / path
    raise ParameterError(
        f"{name}={path!r} is not found, neither from the working folder nor from the folders above it.",
        code="CJ-RP-006",
    )


def _banner(facts: Mapping[str, Any], where: str) -> list[tuple[str, str]]:
    period = " – ".join(str(facts[key]) for key in ("first", "last") if facts.get(key))
    rows = [
        (t("Data complete up to"), str(facts.get("as_of", ""))),
        (t("Zone"), str(facts.get("zone", ""))),
        (t("Period"), period),
        (t("Only"), where),
    ]
    for file in facts.get("files", []):
        aside = sum(dict(file.get("set_aside") or {}).values())
        used = t("{used} rows used, {aside} set aside", used=file.get("rows_used", 0), aside=aside)
        rows.append((str(file.get("path", "")), f"{used}, SHA-256 {str(file.get('sha256', ''))[:12]}"))
    return [(label, value) for label, value in rows if value]
