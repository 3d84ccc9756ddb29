# SPDX-License-Identifier: Apache-2.0
"""The rows of the table, in the order in which they are printed: one module each, named in ROWS."""

import importlib

# name: (module, users that the ground must have: quick, full; 0: none of it is needed)
ROWS = {
    "latency": ("latency", 1000, 2000),
    "intake-latency": ("intake_latency", 1000, 2000),
    "intake-rate": ("intake_rate", 0, 0),
    "intake-cost": ("intake_cost", 0, 0),
    "ingest": ("ingest", 0, 0),
    "resume": ("resume", 1000, 10000),
    "drain": ("drain", 0, 0),
    "scale": ("scale", 20, 20),
    "under-limit": ("under_limit", 0, 0),
    "flood": ("flood", 0, 0),
    "urgent": ("urgent", 1000, 4000),
    "burst": ("burst", 1000, 2500),
    "membership": ("membership", 1000, 10000),
    "requests-per-change": ("requests_per_change", 20, 20),
    "trust-space": ("trust_space", 20, 20),
    "coalesce": ("coalesce", 20, 20),
    "noop": ("noop", 50, 50),
    "cpu": ("cpu", 50, 200),
    "memory": ("memory", 20, 20),
    "rss": ("rss", 0, 0),
    "growth": ("growth", 0, 0),
    "start": ("start", 20, 20),
    "binary": ("binary", 20, 20),
    "queue": ("queue", 0, 0),
    "rules": ("rules", 0, 0),
    "instructions": ("instructions", 0, 0),
    "rules-diff": ("rules_diff", 0, 0),
    "compare": ("compare", 0, 0),
}


def load(name):
    """The function that measures a row: takes a Bench, returns a list of Lines."""
    return importlib.import_module(f"rows.{ROWS[name][0]}").row


def users(name, quick):
    return ROWS[name][1 if quick else 2]
