#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""wire.py DEV: what passes a port of the switch, IPv4, one line as soon as it is new:

	at MS				before each of the next two: when it was seen
	ike SRC DST EXCHANGE SPI-I SPI-R request|response ID	each IKE message
	esp SRC DST SPI		the first packet of an SA, by each Ethernet address that sends it
	clear END SRC DST	each packet in clear of the protected networks, 10.0.0.0/8, and each echo;
			END is who has sent it: "remote", which is behind the port, or "gateway"

SIGUSR1: "turn N", and all SAs are new again. It must be a port that takes no packet itself: who
decrypts shows the content to those who listen on the device, too.
"""
import signal
import socket
import struct
import sys
import time

SO_RCVBUFFORCE = 33
EXCHANGES = {34: 'IKE_SA_INIT', 35: 'IKE_AUTH', 36: 'CREATE_CHILD_SA', 37: 'INFORMATIONAL'}

sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
sock.bind((sys.argv[1], 3))
sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
seen = set()
turns = 0


def at():
    say('at', int(time.monotonic() * 1000))


def say(*words):
    print(*words, flush=True)


def turn(*_):
    global turns
    turns += 1
    seen.clear()
    say('turn', turns)


def ike(src, dst, data):
    if len(data) < 28:
        return
    exchange, flags, number = struct.unpack('!18xBBI4x', data[:28])
    at()
    say('ike', src, dst, EXCHANGES.get(exchange, exchange), data[:8].hex(), data[8:16].hex(),
        'response' if flags & 0x20 else 'request', number)


def esp(mac, src, dst, spi):
    if (mac, src, dst, spi) not in seen:
        seen.add((mac, src, dst, spi))
        at()
        say('esp', src, dst, '0x%08x' % spi)


signal.signal(signal.SIGUSR1, turn)
say('ready')
while True:
    frame, seen_at = sock.recvfrom(2048)
    if frame[12:14] != b'\x08\x00' or len(frame) < 42:
        continue
    packet = frame[14:]
    src, dst = (socket.inet_ntoa(packet[at:at + 4]) for at in (12, 16))
    payload = packet[4 * (packet[0] & 15):]
    ports = struct.unpack('!HH', payload[:4])
    if packet[9] == 50:
        esp(frame[6:12], src, dst, struct.unpack('!I', payload[:4])[0])
    elif packet[9] == 17 and 500 in ports:
        ike(src, dst, payload[8:])
    elif packet[9] == 17 and 4500 in ports:
        if payload[8:12] == bytes(4):
            ike(src, dst, payload[12:])
        elif len(payload) >= 16:
            esp(frame[6:12], src, dst, struct.unpack('!I', payload[8:12])[0])
    elif src.startswith('10.') or dst.startswith('10.') or (packet[9] == 1 and payload[0] in (0, 8)):
        end = 'gateway' if seen_at[2] == socket.PACKET_OUTGOING else 'remote'
        say('clear', end, src, dst)
