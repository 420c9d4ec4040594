"""Holds events against the published schemas of OCSF 1.5.0.

    pip install -r tests/schemas/requirements.txt
    python3 tests/schemas/validate.py events.ndjson...

Prints what is wrong with the first of each kind of bad event; exits with 1 if there is any, or if there
was nothing to look at.
"""

import collections
import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION = "1.5.0"


def main(paths):
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
    validators, counts, wrong = {}, collections.Counter(), {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                profiles = tuple(event["metadata"].get("profiles", []))
                key = (event["class_uid"], profiles)
                if key not in validators:
                    name = schema.lookup_class_name_from_uid(key[0])
                    validators[key] = jsonschema.Draft202012Validator(schema.get_class_schema(name, list(profiles)))
                counts[event["type_uid"], event.get("type_name")] += 1
                problems = [f"{error.json_path}: {error.message}" for error in validators[key].iter_errors(event)]
                if event["metadata"]["version"] != VERSION:
                    problems.append(f"metadata.version is not {VERSION}")
                if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
                    problems.append("type_uid is not class_uid * 100 + activity_id")
                if problems:
                    wrong.setdefault((key[0], problems[0][:60]), (problems, line))
    for (uid, name), count in sorted(counts.items()):
        print(f"{count:7} {uid} {name}")
    for problems, line in wrong.values():
        print("invalid:", *problems, line, sep="\n  ", file=sys.stderr)
    total = sum(counts.values())
    verdict = "some are not valid" if wrong else "all are valid" if total else "nothing to look at"
    print(f"{total} events against OCSF {VERSION}: {verdict}")
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
