from __future__ import annotations

import subprocess
import sys

MODULES = (
    "comparison", "contrast", "curve", "importance", "instrument", "interview", "mean", "multiplicity", "ordinal",
    "paired", "planner", "propensity", "proportion", "recurrent", "renewal", "restricted", "risk_table",
    "score", "survey", "triangle", "weight", "word",
)  # fmt: skip
HEAVY = ("lifelines", "statsmodels", "greenwood", "sklearn", "matplotlib", "scipy.stats", "scipy.optimize")


def test_the_estimators_load_without_any_heavy_library():
    code = (
        f"import importlib, sys\nfor name in {MODULES!r}: importlib.import_module('cjlib.stats.' + name)\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
