#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The names of a netlink specification, for a tool that speaks to people.

    names.py header|source SPEC

What attributes and values are called, and which attributes an operation has: so a tool can
say which one the kernel refuses, and needs no lists of its own. The rest of what the kernel's
ynl-gen-c.py makes of a specification for users is not made here.
"""

import sys

import yaml

HEAD = '''/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit: made from docs/netlink/specs/xfrm_ha.yaml by docs/netlink/regen.sh */
'''


def ident(*names):
    return '_'.join(names).replace('-', '_')


def const(*names):
    return ident('xfrm-ha', *names).upper()


def header(spec):
    guard = 'XFRM_HA_SPEC_GEN_H'
    lines = [f'#ifndef {guard}', f'#define {guard}', '', '#include "spec.h"', '']
    lines += [f'extern const struct spec_enum {ident("spec", d["name"])};'
              for d in spec['definitions'] if d['type'] == 'enum']
    return lines + ['', '#endif']


def enum(definition):
    name = definition['name']
    names = ident(name, 'names')
    lines = [f'static const char *const {names}[] = {{']
    for entry in definition['entries']:
        entry = entry['name'] if isinstance(entry, dict) else entry
        lines.append(f'\t[{const(name, entry)}] = "{entry}",')
    return lines + ['};', '', f'const struct spec_enum {ident("spec", name)} = {{',
                    f'\t{names}, sizeof({names}) / sizeof(*{names})', '};', '']


def attributes(attribute_set):
    name = attribute_set['name']
    prefix = attribute_set.get('name-prefix', f'xfrm-ha-a-{name}-')
    lines = [f'static const struct spec_attr {ident(name)}_attrs[] = {{']
    for attr in attribute_set['attributes']:
        nest = attr.get('nested-attributes')
        nest = f', &{ident(nest)}_set' if nest else ''
        lines.append(f'\t[{ident(prefix + attr["name"]).upper()}] = {{ "{attr["name"]}"{nest} }},')
    return lines + ['};', '', f'static const struct spec_set {ident(name)}_set = {{',
                    f'\t{ident(name)}_attrs,',
                    f'\tsizeof({ident(name)}_attrs) / sizeof(struct spec_attr)', '};', '']


def in_order(sets):
    """What is nested in another one comes before it."""
    done, known = [], {s['name']: s for s in sets}

    def visit(s):
        if s not in done:
            for attr in s['attributes']:
                if 'nested-attributes' in attr:
                    visit(known[attr['nested-attributes']])
            done.append(s)
    for s in sets:
        visit(s)
    return done


def source(spec):
    lines = ['#include <linux/xfrm_ha.h>', '', '#include "spec-gen.h"', '']
    for definition in spec['definitions']:
        if definition['type'] == 'enum':
            lines += enum(definition)
    for attribute_set in in_order(spec['attribute-sets']):
        lines += attributes(attribute_set)
    lines += ['/* By the command of a request */',
              'const struct spec_set *const spec_requests[] = {']
    for operation in spec['operations']['list']:
        lines.append(f'\t[{const("cmd", operation["name"])}] = '
                     f'&{ident(operation["attribute-set"])}_set,')
    return lines + ['};', '', 'const unsigned int spec_n_requests =',
                    '\tsizeof(spec_requests) / sizeof(*spec_requests);']


def main():
    with open(sys.argv[2], encoding='utf-8') as f:
        spec = yaml.safe_load(f)
    print(HEAD + '\n'.join({'header': header, 'source': source}[sys.argv[1]](spec)))


if __name__ == '__main__':
    main()
