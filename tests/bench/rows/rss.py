# SPDX-License-Identifier: Apache-2.0
"""rss: resident memory of the service that knows many users, the mapped store left out.

The service starts with a state in which it knows all users of the ground, and each of them is put into the queue, so that it has
touched all of them. The goal is for 100,000 users; what is known is in the mapped file and not in memory, so fewer of them show
the same. The day's report files are mapped too and are in the figure: they grow with the runs of a day and not with the users.
"""

import time

from ground import anonymous_bytes, resident_bytes
from programs import fill_queue
from table import Line, judge, mib


def row(bench):
    ground = bench.ground
    fill_queue(ground, ground.state, ground.users)
    with ground.service() as service:
        ground.until_idle()
        time.sleep(1)
        resident, anonymous = resident_bytes(service.pid), anonymous_bytes(service.pid)
    return [Line("rss", f"{len(ground.users):,} known users", mib(resident), "", None, "< 100 MiB", judge(resident < 100 * 1048576),
                 f"without the mapped store; of it {mib(anonymous)} anonymous, the rest libraries and report files; {ground.populate_s:.1f} s for all to reach the cloud")]
