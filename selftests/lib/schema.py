#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Is what the tool writes as its JSON schema says?

    schema.py SCHEMA COMMANDS [FOLDER | FILE]

COMMANDS is what "xfrm-ha commands" says. Each command that has an output is in the schema, and
nothing else. With FOLDER, its files are called as commands are, "sa show", and hold what these
wrote, once or many times: each is valid, none is empty, and no command of the schema is left
out. Which keys were in none of them is told. A FILE holds what the command of its name wrote.
Exit status 1: something is wrong.
"""

import json
import os
import sys

import jsonschema

# What these do is not told, or by others.
SILENT = {'add', 'set', 'del', 'nic', 'drain', 'undrain', 'pin', 'unpin'}
SILENT_OBJECTS = {'takeover', 'release', 'keygen', 'watch', 'check', 'apply', 'dump'}


def commands(path):
    with open(path, encoding='utf-8') as f:
        for line in f:
            name, command, _ = line.split('\t')
            if command not in SILENT and name not in SILENT_OBJECTS:
                yield f'{name} {command}'.strip()


def outputs(path):
    with open(path, encoding='utf-8') as f:
        text = f.read()
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def check(schema, where):
    wrong, folder = 0, os.path.isdir(where)
    for command, about in schema['properties'].items():
        path, seen, n = os.path.join(where, command) if folder else where, set(), 0
        if not folder and os.path.basename(where) != command:
            continue
        validator = jsonschema.Draft202012Validator(
            {**about, '$defs': schema['$defs']}, format_checker=jsonschema.FormatChecker())
        for value in outputs(path) if os.path.exists(path) else ():
            for error in validator.iter_errors(value):
                wrong += 1
                print(f'{command}: {error.json_path}: {error.message}')
            for item in value:
                n += 1
                seen |= set(item)
        missed = set(about['items']['properties']) - seen
        print(f'{command}: {n} objects' +
              (f', none with {" ".join(sorted(missed))}' if n and missed else ''))
        wrong += not n
    return wrong


def main():
    with open(sys.argv[1], encoding='utf-8') as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    wrong = sorted(set(commands(sys.argv[2])) ^ set(schema['properties']))
    if wrong:
        print(f'in the schema, or a command, but not both: {", ".join(wrong)}')
    failed = check(schema, sys.argv[3]) if len(sys.argv) > 3 else 0
    return bool(wrong or failed)


if __name__ == '__main__':
    sys.exit(main())
