"""What NPS, CSAT and CES mean here: scale, cut-points, direction and the words printed with a figure.

There is one NPS cut (0-6, 7-8, 9-10) and no option to move it. The texts are English keys of the
catalogue: render them with `t(instrument.definition)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cjlib.core import checks
from cjlib.core.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """One way to ask for a score.

    Attributes
    ----------
    name : str
        Key in `INSTRUMENTS`.
    scale : (float, float)
        Lowest and highest answer.
    statistic : {"net", "top_box", "mean"}
        Headline figure: promoters minus detractors, share of the best answers, or mean.
    box : {"two best", "above the middle", "none"}
        Which answers count as good for a top-box share.
    high_is_good : bool
        Direction of the scale.
    definition, source : str
        English text of the definition (a key for `t()`) and where it comes from.
    """

    name: str
    scale: tuple[float, float]
    statistic: Literal["net", "top_box", "mean"]
    box: Literal["two best", "above the middle", "none"]
    high_is_good: bool = True
    definition: str
    source: str

    def on_scale(self, scale: Sequence[float], *, high_is_good: bool = True) -> Instrument:
        """Return the same instrument asked on another scale; NPS exists on 0 to 10 only.

        Raises
        ------
        ParameterError
            CJ-ST-009 if the scale is not (low, high) with low < high, or not 0-10 for NPS.

        Examples
        --------
        >>> INSTRUMENTS["csat"].on_scale([1, 7]).good_scores
        (6.0, 7.0)
        """
        if len(scale) != 2 or not scale[0] < scale[1]:
            raise ParameterError(
                f"scale={list(scale)!r} must be [lowest, highest], for example [1, 5].", code="CJ-ST-009"
            )
        low, high = float(scale[0]), float(scale[1])
        if self.statistic == "net" and ((low, high) != self.scale or not high_is_good):
            raise ParameterError(
                f"NPS is defined on 0 to 10 with 10 as best, not on {low:g} to {high:g}. "
                "Declare another scale as instrument: csat, ces or other.",
                code="CJ-ST-009",
            )
        return replace(self, scale=(low, high), high_is_good=high_is_good)

    @property
    def good_scores(self) -> tuple[float, ...]:
        """Whole answers that count in the top box, in ascending order; empty without a box."""
        low, high = self.scale
        answers = [low + step for step in range(int(high - low) + 1)]
        if self.box == "none":
            return ()
        if self.box == "two best":
            return tuple(answers[-2:] if self.high_is_good else answers[:2])
        middle = (low + high) / 2
        return tuple(a for a in answers if (a > middle if self.high_is_good else a < middle))


INSTRUMENTS = {
    "nps": Instrument(
        name="nps",
        scale=(0, 10),
        statistic="net",
        box="none",
        definition=(
            "Share of promoters (9-10) minus share of detractors (0-6), in points from -100 to 100; 7-8 are passive."
        ),
        source="Reichheld (2003), The One Number You Need to Grow, Harvard Business Review 81(12)",
    ),
    "csat": Instrument(
        name="csat",
        scale=(1, 5),
        statistic="top_box",
        box="two best",
        definition="Share of answers among the two best scores of the scale.",
        source="Top-two-box convention; Sauro and Lewis (2016), Quantifying the User Experience",
    ),
    "ces": Instrument(
        name="ces",
        scale=(1, 7),
        statistic="mean",
        box="above the middle",
        definition="Mean score of how easy it was, and share of answers on the easy side of the scale.",
        source="Dixon, Freeman and Toman (2010), Stop Trying to Delight Your Customers, HBR 88(7)",
    ),
    "other": Instrument(
        name="other",
        scale=(0, 10),
        statistic="mean",
        box="none",
        definition="Mean score.",
        source="Declared by the study",
    ),
}


def instrument(name: str) -> Instrument:
    """Look up an instrument by name.

    Raises
    ------
    ParameterError
        CJ-E04 with the names that exist.

    Examples
    --------
    >>> instrument("nps").scale
    (0, 10)
    """
    return INSTRUMENTS[checks.one_of("instrument", name, tuple(INSTRUMENTS))]
