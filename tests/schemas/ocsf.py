"""Writes ocsf-1.5.0.json: what the schema requires of the classes that zenstream's events have.

    pip install ocsf-json-schema && python3 tests/schemas/ocsf.py > tests/schemas/ocsf-1.5.0.json

An attribute is [type, required, array, values]; the type of an object is its name, `any` is any JSON.
Attributes of profiles carry the profile's name at the end.
"""

import json
import sys

from ocsf_json_schema import get_ocsf_schema

CLASSES = [3001, 3002, 3004, 3005, 3006, 6001, 6003]
PROFILES = ["host"]
# Objects that reach half of the schema, and that no event of ours has.
LEFT_OUT = {"process", "device", "file", "email", "certificate", "enrichment", "object"}
PRIMITIVES = {"integer_t": "int", "long_t": "int", "string_t": "text", "boolean_t": "bool", "float_t": "float", "json_t": "any"}

schema = get_ocsf_schema(version="1.5.0")
objects = {}


def attribute(known):
    kind = known["type"]
    values = sorted(known.get("enum", {}))
    if kind == "object_t":
        kind = known["object_type"]
        if kind in LEFT_OUT:
            kind = "any"
        else:
            add(kind)
    else:
        primitive = kind if kind in PRIMITIVES else schema["types"][kind]["type"]
        if kind == "ip_t":
            kind = "ip"
        else:
            kind = PRIMITIVES[primitive]
        values = [int(value) for value in values] if kind == "int" else values
    written = [kind, int(known["requirement"] == "required"), int(bool(known.get("is_array"))), values]
    return written + [known["profile"]] if known.get("profile") else written


def attributes(of):
    kept = {
        name: known
        for name, known in of["attributes"].items()
        if known.get("profile") in (None, *PROFILES)
    }
    return {
        "attributes": {name: attribute(known) for name, known in sorted(kept.items())},
        "at_least_one": sorted((of.get("constraints") or {}).get("at_least_one", [])),
    }


def add(name):
    if name not in objects:
        objects[name] = None
        objects[name] = attributes(schema["objects"][name])


classes = {}
for of in schema["classes"].values():
    if of["uid"] in CLASSES:
        classes[of["uid"]] = attributes(of) | {"name": of["caption"], "category": of["category_uid"]}

written = {"version": schema["version"], "classes": dict(sorted(classes.items())), "objects": dict(sorted(objects.items()))}
lines = json.dumps(written, separators=(",", ":"))
sys.stdout.write(lines.replace('},"', '},\n"').replace('],"', '],\n"') + "\n")
