# SPDX-License-Identifier: Apache-2.0
"""trust-space: the same as requests-per-change with `target.trust_space: 15m`, which spares the read of a user that was read a moment ago.
"""

from rows.requests_per_change import count
from table import Line, judge


def row(bench):
    per_change, n = count(bench, target="trust_space: 15m")
    return [Line("trust-space", "", f"{per_change:.2f}", "", None, "<= 1.1", judge(per_change <= 1.1), f"{n} updates of users read less than 15 minutes ago")]
