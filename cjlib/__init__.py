"""Customer-journey workbench: what customers do, what they say, and where the two disagree.

The names below load on first use, so that `import cjlib` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> module; the whole public surface
_FACADE = {
    "open_study": "cjlib.journey.study",
    "from_frames": "cjlib.journey.frames",
    "start": "cjlib.report.page",
    "data_quality": "cjlib.analyses.data_quality",
    "funnel": "cjlib.analyses.funnel",
    "stage_times": "cjlib.analyses.stage_times",
    "time_to_event": "cjlib.analyses.time_to_event",
    "conversion_drivers": "cjlib.analyses.conversion_drivers",
    "segment_scan": "cjlib.analyses.segment_scan",
    "never_converters": "cjlib.analyses.never_converters",
    "churn": "cjlib.analyses.churn",
    "retention": "cjlib.analyses.churn",
    "churn_prediction": "cjlib.analyses.churn_prediction",
    "still_customers": "cjlib.analyses.still_customers",
    "silence_threshold": "cjlib.analyses.silence_threshold",
    "life_cycle": "cjlib.analyses.life_cycle",
    "repeat_purchases": "cjlib.analyses.repeat_purchases",
    "rolling_retention": "cjlib.analyses.rolling_retention",
    "renewals": "cjlib.analyses.renewals",
    "repeat_events": "cjlib.analyses.repeat_events",
    "customer_retention": "cjlib.analyses.customer_retention",
    "scores": "cjlib.analyses.scores",
    "compare_scores": "cjlib.analyses.score_comparison",
    "score_trend": "cjlib.analyses.score_trend",
    "invitation_mix": "cjlib.analyses.invitation_mix",
    "nonresponse": "cjlib.analyses.nonresponse",
    "score_drivers": "cjlib.analyses.drivers",
    "who_to_interview": "cjlib.analyses.interviews",
    "interview_codes": "cjlib.analyses.interview_codes",
    "said_and_done": "cjlib.analyses.said_and_done",
    "score_then_done": "cjlib.analyses.said_and_done",
    "say_do_ledger": "cjlib.analyses.ledger",
    "score_worth": "cjlib.analyses.score_worth",
    "score_hazard": "cjlib.analyses.score_hazard",
    "distinctive_words": "cjlib.analyses.distinctive_words",
    "themes": "cjlib.analyses.themes",
    "comments_by_meaning": "cjlib.analyses.comments_by_meaning",
    "score_from_text": "cjlib.analyses.score_from_text",
    "journey_map": "cjlib.maps.model",
    "simulate": "cjlib.datasets.simulate",
    "Result": "cjlib.core.result",
    "Note": "cjlib.core.result",
    "EventLog": "cjlib.journey.tables",
    "SurveyResponses": "cjlib.journey.tables",
    "Interviews": "cjlib.journey.tables",
    "Customers": "cjlib.journey.tables",
    "Study": "cjlib.journey.study",
    "CjlibError": "cjlib.core.errors",
    "SchemaError": "cjlib.core.errors",
    "ParameterError": "cjlib.core.errors",
    "NotEnoughDataError": "cjlib.core.errors",
    "ReportError": "cjlib.core.errors",
    "set_language": "cjlib.core.text",
}

__all__ = ["__version__", *_FACADE]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> Any:
    if name not in _FACADE:
        message = f"module 'cjlib' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(_FACADE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
