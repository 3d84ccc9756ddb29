#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON of every report of the corpus against the schema: test-schema.py CORPUS SCHEMA.json

The validator knows the keywords that the schema uses and refuses any other, so that a typing error in the schema
is an error here. It is tried on broken documents first: a check that cannot fail proves nothing.
"""
import copy
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

IGNORED = {"$schema", "$defs", "title", "description"}
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


def validate(value, schema, root, at="$"):
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            target = target[part]
        yield from validate(value, target, root, at)
    for keyword, want in schema.items():
        if keyword == "type":
            names = want if isinstance(want, list) else [want]
            if not any(TYPES[name](value) for name in names):
                yield "%s: %r is not of type %s" % (at, value, want)
        elif keyword == "enum":
            if value not in want:
                yield "%s: %r is none of %s" % (at, value, want)
        elif keyword == "pattern":
            if isinstance(value, str) and not re.search(want, value):
                yield "%s: %r does not match %s" % (at, value, want)
        elif keyword == "required":
            for name in want:
                if isinstance(value, dict) and name not in value:
                    yield "%s: %s is missing" % (at, name)
        elif keyword == "properties":
            for name, inner in want.items():
                if isinstance(value, dict) and name in value:
                    yield from validate(value[name], inner, root, "%s.%s" % (at, name))
        elif keyword == "additionalProperties":
            for name in value if isinstance(value, dict) and want is False else ():
                if name not in schema["properties"]:
                    yield "%s: %s is not a member of this type" % (at, name)
        elif keyword == "items":
            for i, inner in enumerate(value if isinstance(value, list) else ()):
                yield from validate(inner, want, root, "%s[%d]" % (at, i))
        elif keyword == "anyOf":
            if all(list(validate(value, inner, root, at)) for inner in want):
                yield "%s: fits none of the alternatives" % at
        elif keyword in ("minimum", "maximum"):
            if isinstance(value, int) and (value < want if keyword == "minimum" else value > want):
                yield "%s: %d is beyond the %s of %d" % (at, value, keyword, want)
        elif keyword in ("minLength", "minItems"):
            if isinstance(value, (str, list)) and len(value) < want:
                yield "%s: shorter than %d" % (at, want)
        elif keyword not in IGNORED and keyword != "$ref":
            raise SystemExit("the schema uses %s, which this validator does not know" % keyword)


def no_repeats(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a member twice: %s" % names)
    return dict(pairs)


def self_test(document, schema):
    def broken(change):
        other = copy.deepcopy(document)
        change(other)
        if not list(validate(other, schema, schema)):
            raise SystemExit("the validator does not see a broken document")

    broken(lambda d: d.pop("jobId"))
    broken(lambda d: d.update(statusInfo={}))
    broken(lambda d: d.update(provisioningAction="stageddelete"))
    broken(lambda d: d["provisioningSteps"][3].update(provisioningStepType="Import"))
    broken(lambda d: d["provisioningSteps"].pop())
    broken(lambda d: d["provisioningStatusInfo"].update(errorInformation="none"))
    broken(lambda d: d.update(activityDateTime="2026-11-22 08:31:15"))
    broken(lambda d: d["modifiedProperties"][0].update(newValue=True))


def main(corpus, schema_path):
    with open(schema_path, encoding="utf-8") as f:
        schema = json.load(f)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([corpus, folder], check=True)
        paths = sorted(glob.glob(os.path.join(folder, "*.json")))
        with open(os.path.join(folder, "update-user.json"), encoding="utf-8") as f:
            self_test(json.load(f), schema)
        for path in paths:
            with open(path, encoding="utf-8") as f:
                document = json.load(f, object_pairs_hook=no_repeats)
            problems = list(validate(document, schema, schema))
            for problem in problems[:10]:
                print("%s: %s" % (os.path.basename(path), problem))
            failed += bool(problems)
    print("%d documents, %d do not fit the schema" % (len(paths), failed))
    return 1 if failed or len(paths) < 50 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
