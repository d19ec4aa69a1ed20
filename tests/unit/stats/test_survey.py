from __future__ import annotations

import numpy as np
import pytest

from cjlib.core.errors import ParameterError
from cjlib.stats.survey import response_rate


def test_the_rate_stands_on_delivered_invitations():
    table = response_rate([15, 0, 0], [148, 20, 0])
    np.testing.assert_allclose(table["estimate"], [15 / 148, 0, np.nan])
    np.testing.assert_allclose(table["ci_low"], [0.0624, 0, np.nan], atol=5e-5)
    np.testing.assert_allclose(table["ci_high"], [0.1605, 0.1611, np.nan], atol=5e-5)


def test_everybody_may_answer_but_no_more():
    assert response_rate(20, 20)["ci_high"].item() == 1
    with pytest.raises(ParameterError, match="21 events of 20") as caught:
        response_rate(21, 20)
    assert caught.value.code == "CJ-ST-005"
