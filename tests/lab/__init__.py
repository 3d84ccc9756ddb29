# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests and for deploy/quickstart: a Samba AD DC, the Graph emulator, sosync itself. See README.md."""

from .base import Failure, wait_until
from .directory import Commit, Directory
from .fakead import FakeAd
from .lab import Lab, skip_unless

__all__ = ["Commit", "Directory", "Failure", "FakeAd", "Lab", "skip_unless", "wait_until"]
