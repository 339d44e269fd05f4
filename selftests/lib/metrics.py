#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reads figures as Prometheus does, and is a bad client.

    metrics.py get|head|post WHERE [PATH]   what is answered: status, type and body
    metrics.py open WHERE               the body, as OpenMetrics
    metrics.py compare FILE NAMESPACE   FILE (OpenMetrics) against what the tool says after it
    metrics.py names FILE EXAMPLE...    each metric of an example is in FILE
    metrics.py crowd WHERE N            N clients that ask nothing, and one that does: is it answered,
                                        and are the others cut off
    metrics.py slow WHERE               asks, and takes nothing of the answer: is it cut
    metrics.py long WHERE               asks more than is heard: what is answered
"""

import json
import re
import select
import socket
import subprocess
import sys
import time


def connect(where):
    if where.startswith('/'):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(where)
        return s
    host, port = where.rsplit(':', 1)
    return socket.create_connection((host.strip('[]'), int(port)), 60)


def whole(s):
    data = b''
    while True:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def ask(where, path='/metrics', accept='*/*', method='GET'):
    with connect(where) as s:
        # In two pieces: a request need not come at once.
        s.sendall(f'{method} {path} HTTP/1.1\r\nHost: x\r\n'.encode())
        s.sendall(f'Accept: {accept}\r\n\r\n'.encode())
        head, _, body = whole(s).decode().partition('\r\n\r\n')
    lines = head.split('\r\n')
    headers = dict(line.lower().split(': ', 1) for line in lines[1:])
    assert int(headers['content-length']) == len(body.encode()) or method == 'HEAD', headers
    return lines[0].split(' ', 1)[1], headers['content-type'], body


def parsed(file):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    with open(file, encoding='utf-8') as f:
        return list(text_string_to_metric_families(f.read()))


def tool(ns, *words):
    tool_path = sys.argv[0].rsplit('/selftests/', 1)[0] + '/tools/xfrm-ha/xfrm-ha'
    out = subprocess.run([tool_path, '-N', ns, '-j', *words], check=True,
                         stdout=subprocess.PIPE).stdout
    return json.loads(out)


def compare(file, ns):
    """Counters only grow: what was read before is no more than what is read now. What stands still
    is the same."""
    value, wrong, still = {}, [], 0
    for family in parsed(file):
        if not family.documentation:
            wrong.append(f'{family.name} has no help')
        for s in family.samples:
            value[s.name, tuple(sorted(s.labels.items()))] = s.value
            if any(re.search('spi|address', label) for label in s.labels):
                wrong.append(f'{s.name} has labels {s.labels}')

    def have(name, *labels):
        key = f'xfrm_ha_{name}', tuple(sorted(labels))
        if key not in value:
            wrong.append(f'there is no {key}')
        return value.get(key, -1)

    def grows(name, labels, now):
        if not 0 <= have(name, *labels) <= now:
            wrong.append(f'{name} {labels}: {have(name, *labels)}, then {now}')

    def stands(name, labels, now):
        nonlocal still
        still += 1
        if abs(have(name, *labels) - now) > 1e-6:
            wrong.append(f'{name} {labels}: {have(name, *labels)}, not {now}')

    for stat in tool(ns, 'stat', 'show'):
        grows(f'{stat["name"]}_total', (), stat['value'])
    for link in tool(ns, 'link', 'show'):
        at = (('device', link['dev']),)
        for state in 'down', 'connecting', 'sync', 'up':
            stands('link_state', (*at, ('state', state)), state == link['state'])
        stands('link_orphan_sas', at, link['orphans'])
        for here, there in (('transmit', 'tx'), ('receive', 'rx')):
            for unit in 'frames', 'bytes':
                grows(f'link_{here}_{unit}_total', at, link[f'{there}_{unit}'])
    status = {s['name']: s for s in tool(ns, 'status') if s['kind'] == 'group'}
    for group in tool(ns, 'group', 'show'):
        at = (('group', group['name']),)
        for role in 'standby', 'joining', 'active', 'releasing', 'handed':
            stands('group_role', (*at, ('role', role)), role == group['role'])
        for name in 'term', 'sas', 'peer_sas', 'peer_synced', 'solo':
            stands(f'group_{name}', at, group[name])
        stands('group_missing_sas', at, group['missing'])
        stands('group_peer_missing_sas', at, group['peer_missing'])
        stands('group_takeovers_total', at, group['takeovers'])
        stands('group_skipped_numbers_total', at, group['skipped'])
        stands('group_held_sas', at, status[group['name']]['held'])
        stands('group_renew_sas', at, status[group['name']]['to_renew'])
        since = time.time() - have('group_role_start_time_seconds', *at)
        if abs(since - status[group['name']]['since_s']) > 60:
            wrong.append(f'the role began {since} s ago')
    node = tool(ns, 'node', 'show')[0]
    stands('node_sas', (), node['sas'])
    stands('node_sa_limit', (), node['sa_limit'])
    stands('build_info', (('tap', node['tap']), ('version', node['version'])), 1)
    return wrong, still


def names(file, examples):
    """Those that an example names and the daemon does not have"""
    have = {s.name for family in parsed(file) for s in family.samples}
    for example in examples:
        with open(example, encoding='utf-8') as f:
            named = set(re.findall(r'\bxfrm_ha_[a-z0-9_]+', f.read()))
        if not named:
            print(f'{example} names none')
        for name in sorted(named - have):
            print(f'{example}: {name}')


def crowd(where, n):
    idle = [connect(where) for _ in range(n)]
    with connect(where) as s:
        try:
            s.sendall(b'GET /metrics HTTP/1.1\r\n\r\n')
            print('answered' if whole(s) else 'not answered', end=', ')
        except BrokenPipeError:
            print('not answered', end=', ')
    print('cut' if all(whole(s) == b'' for s in idle) else 'not cut')


def slow(where):
    with connect(where) as s:
        s.sendall(b'GET /metrics HTTP/1.1\r\n\r\n')
        poll = select.poll()
        poll.register(s, 0)
        if not poll.poll(300000):
            print('not cut')
            return
        head, _, body = whole(s).decode().partition('\r\n\r\n')
    wanted = int(re.search('Content-Length: ([0-9]+)', head)[1])
    print(f'{len(body)} octets of {wanted}', file=sys.stderr)
    print('cut' if len(body) < wanted else 'whole')


def main():
    what, *args = sys.argv[1:]
    if what == 'get':
        print('\n'.join(ask(*args)), end='')
    elif what == 'head':
        print('\n'.join(ask(*args, method='HEAD')), end='')
    elif what == 'post':
        print('\n'.join(ask(*args, method='POST')), end='')
    elif what == 'open':
        status, kind, body = ask(args[0], accept='application/openmetrics-text;version=1.0.0,*/*;q=0.1')
        assert status == '200 OK' and kind.startswith('application/openmetrics-text;'), status
        print(body, end='')
    elif what == 'compare':
        wrong, still = compare(*args)
        print('\n'.join(wrong), end='')
        return bool(wrong) or still < 10
    elif what == 'names':
        names(args[0], args[1:])
    elif what == 'crowd':
        crowd(args[0], int(args[1]))
    elif what == 'slow':
        slow(*args)
    elif what == 'long':
        with connect(args[0]) as s:
            try:
                for _ in range(100):
                    s.sendall(b'X: ' + b'y' * 997)
            except (BrokenPipeError, ConnectionResetError):
                pass
            print(whole(s).decode().split('\r\n')[0])
    return 0


if __name__ == '__main__':
    sys.exit(main())
