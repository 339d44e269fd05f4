#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# M9 N17: the file that describes a gateway. Each error stands on its line and column; what is
# written is read again; files made at random, and cut off anywhere, are told apart from good ones
# without a word being read or written that is not there.

. "$(dirname "$0")/../lib/ktap.sh"

make -s -C "$XFRM_HA_DIR/tools" || bail "the tool can't be built"
tool=$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha
dir=$(mktemp -d)
at_exit rm -rf "$dir"
file=$dir/file

good() { # NAME [WORD...] < FILE
	cat > "$file"
	check "$1" "$tool" check "$file" "${@:2}"
}

wrong() { # LINE:COLUMN SENTENCE < FILE
	local said status

	cat > "$file"
	said=$("$tool" check "$file" node east 2>&1)
	status=$?
	say "$status: $said"
	if [ $status = 2 ] && [[ $said == "$file:$1: "*"$2"* ]]; then
		ok "$1: $2"
	else
		fail "$1: $2"
	fi
}

link="link hb { device = eth9 peer = 02:00:5e:00:00:02 insecure = yes }"

cat > "$dir/pair" <<'EOT'
# Both gateways have this file.
link hb {
    device = eth9
    key-file = /etc/xfrm-ha/key	// the same on both
}
group vpn {
    match { address = 192.0.2.1 }
}
EOT
sed -i 's/address = 192.0.2.1/address = { 192.0.2.1 }/' "$dir/pair"
cat >> "$dir/pair" <<'EOT'
on east { link hb { peer = 02:00:5e:00:00:02 } group vpn { prefer = yes } }
on west { link hb { peer = 02:00:5e:00:00:01 } }
EOT
good "a pair, the one" node east < "$dir/pair"
good "a pair, the other" node west < "$dir/pair"
wrong 2:1 "link hb needs the Ethernet address of its peer on node east" \
	< <(sed 's/^on east/on north/' "$dir/pair")
good "nothing" < /dev/null
good "a comment of lines, blanks, carriage returns" < <(printf '/* a\n b */\r\n\t\r\nnode = a\r\n')
good "everything" node east <<EOT
node-id = 7
sa-limit = 1000 orphan-limit = 0 orphan-age = 86400
$link
transport { port = 4510 peer = 2001:db8::2 key-file = "/a file" }
metrics { listen = "[::1]:9744" }
group a {
    role = standby interval = auto quantity = 8192 max-age = 1 bitmap = yes
    on-peer-loss = takeover alone = hold sync = relaxed replay = strict join = 0
    stripe = 16 index = 1 nodes = 2 soft = 100
    match { address = { 192.0.2.1, 2001:db8::1 } reqid = 0 mark = 0x1/0xff if-id = 0xffffffff }
    prefer = yes prefer-delay = 0 track = { eth0, "eth1" } hook-timeout = 3600
    on-active = "logger \"it is \$XFRM_HA_ROLE\"" on-standby = "true"
    replicate = yes policies = all fail-closed = yes on-flush = release
    virtual-mac vip { device = eth0 mac = 00:00:5e:00:01:07 }
    address 192.0.2.1/24 { device = vip }
    address 2001:db8::1/64 { device = eth0 }
    route 0.0.0.0/0 { via = 192.0.2.254 source = 192.0.2.1 metric = 5 table = 7 }
    route 2001:db8:1::/48 { device = eth0 }
    neighbour 192.0.2.7 { device = eth0 mac = 02:00:00:00:00:07 }
    neighbour 192.0.2.8 { device = eth0 proxy = yes }
    protect 10.1.0.0/16 { to = { 10.2.0.0/16, 10.3.0.0/24 } }
    protect fd01::/64 { to = fd02::/64 }
    offload eth0 { device = eth5 }
    track-script ike { command = "pidof charon" interval = 1 timeout = 1 rise = 1 fall = 100 }
}
group b { link = none index = 0 nodes = 3 }
group c { charon { vici = /a fifo = "/b c" restart = "true" timeout = 3600 } }
EOT

wrong 1:1 "what begins here has no closing brace" <<< "link hb { device = eth9"
wrong 2:1 "there is no opening brace" <<< $'node = a\n}'
wrong 1:8 "has no quote at its end" <<< 'node = "a'
# shellcheck disable=SC2016	# so it is meant
wrong 1:10 "in quotes only" <<< 'node = a $b'
wrong 2:1 "does not end" <<< $'node = a\n/* so it goes on'
wrong 1:8 "a name" <<< "node = $(printf '%065d' 0)"
wrong 3:1 "no such option 'colour'" <<< $'# a comment\n// another\ncolour = red'
wrong 2:12 "no such option 'colour'" <<< $'link hb {\n  dead = 3 colour = red }'
wrong 2:1 "missing equal sign" <<< $'# x\nsa-limit 5'
wrong 1:12 "sa-limit is a number from 1 to 16777215, or auto, not \"0\"" <<< "sa-limit = 0"
wrong 1:12 "sa-limit is a number from 1 to 16777215, or auto, not \"16777216\"" <<< "sa-limit = 16777216"
wrong 1:12 "not \"-1\"" <<< "sa-limit = -1"
wrong 1:12 "not \"1x\"" <<< "sa-limit = 1x"
wrong 1:12 "not \"99999999999999999999999\"" <<< "sa-limit = 99999999999999999999999"
wrong 2:8 "node was said already" <<< $'node = a\nnode = b'
wrong 1:22 "match was said already" <<< "group a { match { }  match { } }"
wrong 2:7 "found duplicate title 'a'" <<< $'group a { }\ngroup a { }'
wrong 1:1 "is a name without blanks" <<< 'group "a b" { }'
wrong 1:1 "1 to 15 characters, not of 16" <<< "group 1234567890123456 { }"
wrong 2:9 "is not an address" <<< $'group a { match { address = { 192.0.2.1,\n        192.0.2.256 } } }'
wrong 1:11 "is not ADDRESS/LENGTH" <<< "group a { address 192.0.2.1 { device = eth0 } }"
wrong 1:11 "a prefix has 0 to 32 bits" <<< "group a { address 192.0.2.1/33 { device = eth0 } }"
wrong 1:11 "address 192.0.2.1 needs a device" <<< "group a { address 192.0.2.1/24 { } }"
wrong 1:11 "needs via, or a device" <<< "group a { route 10.0.0.0/8 { } }"
wrong 1:11 "the other family" <<< "group a { route 10.0.0.0/8 { via = fe80::1 } }"
wrong 1:11 "needs a mac, or proxy = yes" <<< "group a { neighbour 10.0.0.1 { device = lo } }"
wrong 1:11 "protect 10.1.0.0/16 needs \"to\"" <<< "group a { protect 10.1.0.0/16 { } }"
wrong 1:11 "of the other family" <<< "group a { protect 10.1.0.0/16 { to = fd02::/64 } }"
wrong 1:38 "is not ADDRESS/LENGTH" <<< "group a { protect 10.1.0.0/16 { to = 10.2.0.1 } }"
wrong 1:28 "is nothing without fail-closed" <<< "group a { fail-closed = no protect ::/0 { to = ::/0 } }"
wrong 1:11 "offload eth0 needs a device" <<< "group a { offload eth0 { } }"
wrong 2:11 "charon of group a needs a command that restarts it" <<< "$link"$'\ngroup a { charon { } }'
wrong 1:11 "charon of group a needs a link" <<< "group a { charon { restart = x } }"
wrong 2:27 "replicate = no" <<< "$link"$'\ngroup a { replicate = yes charon { restart = x } }'
wrong 3:11 "group a has charon already" <<< "$link"$'\ngroup a { charon { restart = x } }\ngroup b { charon { restart = x } }'
wrong 1:30 "timeout is a number from 1 to 3600" <<< "group a { charon { timeout = 0 } }"
wrong 1:11 "needs a command" <<< "group a { track-script x { } }"
for where in metrics 127.0.0.1 '"127.0.0.1:0"' 127.0.0.1:65536 127.0.0.1:80x 'x:80' '"::1:80"' '"[::1"' \
	"/$(printf '%0110d' 0)"; do
	wrong 1:20 "is a path from / on, ADDRESS:PORT" <<< "metrics { listen = $where }"
done
wrong 1:11 "virtual-mac vip needs a device, and a mac" <<< "group a { virtual-mac vip { device = eth0 } }"
vip="virtual-mac vip { device = eth0 mac = 00:00:5e:00:01:07 }"
wrong 1:11 "there is another virtual-mac vip" <<< "group a { $vip } group b { $vip }"
wrong 1:69 "has a detour, or a virtual-mac, not both" \
	<<< "group a { $vip detour { device = eth9 peer = 02:00:5e:00:00:02 } }"
wrong 1:1 "needs a key-file" <<< "transport { kind = cpg }"
wrong 1:1 "has no addresses and no device" <<< "transport { kind = cpg key-file = /k device = lo }"
wrong 1:1 "is of a transport of kind = cpg" <<< "transport { cpg-group = a }"
wrong 1:20 "kind is tls or cpg, not" <<< "transport { kind = udp }"
good "by Corosync" <<< "transport { kind = cpg cpg-group = gateways key-file = /k }"
wrong 1:33 "can't be the name of a device" <<< "group a { track = { eth0, eth1, a/b } }"
wrong 1:18 "there is no link \"hb\"" <<< "group a { link = hb }"
wrong 2:1 "the quantity is 2 intervals or more" <<< "$link"$'\ngroup a { interval = 64 quantity = 127 }'
wrong 1:1 "each is told its index" <<< "group a { nodes = 3 }"
wrong 2:1 "is on the device of link hb" <<< "$link"$'\nlink x { device = eth9 peer = 02:00:00:00:00:01 insecure = yes }'
wrong 1:1 "needs a key-file, or insecure" <<< "link hb { device = eth9 peer = 02:00:5e:00:00:02 }"
wrong 1:18 "is the address of one node" <<< "link hb { peer = 03:00:5e:00:00:02 }"
wrong 1:22 "insecure is yes or no" <<< "link hb { insecure = true }"
wrong 1:25 "fail-closed is auto, yes or no, not \"maybe\"" <<< "group a { fail-closed = maybe }"
wrong 1:22 "on-flush is follow or release, not \"stay\"" <<< "group a { on-flush = stay }"
wrong 2:7 "is a name of 1 to 64 characters" <<< $'# "\nnode= ""'
wrong 1:43 "address was said already" <<< "group a { match { address = ::1 address = ::1 } }"

said=$("$tool" check "$dir" 2>&1)
is "a folder is no file" "$? $said" "2 $dir: Invalid argument"
said=$("$tool" check "$dir/none" 2>&1)
is "there is no file" "$? $said" "2 $dir/none: No such file or directory"
head -c 1048577 /dev/zero > "$file"
said=$("$tool" check "$file" 2>&1)
is "a file that is too large" "$? $said" "2 $file: File too large"

# The man page names each key and each section.
page=$XFRM_HA_DIR/tools/xfrm-had/xfrm-ha.conf.5
while read -r key; do
	grep -qE -- "(^|[ \"])$key( |\$|,)" "$page" || { say "$key"; missing=1; }
done < <(sed -n 's/.*\.name = "\([a-z-]*\)".*\|^\t{ "\([a-z-]*\)", .*/\1\2/p' "$XFRM_HA_DIR/tools/lib/keys.c")
is "the man page has all keys" "${missing-}" ""
sed -n '/^\.nf/,/^\.fi/{/^\.[nf]/d;p}' "$page" | sed '/^file /,$d' > "$file"
for node in east west; do
	check "the man page's example is a file, on $node" "$tool" check "$file" node $node
done

# What reads them ends where it would read or write what is not its own.
if [ ! "${XFRM_HA_QUICK-}" ]; then
	must make -s -C "$XFRM_HA_DIR/tools" xfrm-ha/xfrm-ha-san
	for seed in ${SEED:-1 2}; do
		check "files at random, seed $seed" python3 - "$seed" "$dir/pair" "$file" \
			"$XFRM_HA_DIR/tools/xfrm-ha/xfrm-ha-san" <<'EOT'
import random, subprocess, sys
seed, pair, name, tool = sys.argv[1:]
pair = open(pair, 'rb').read()
r = random.Random(int(seed))
words = [b'{', b'}', b'=', b',', b'"', b'\\', b'#', b'/*', b'*/', b'\n', b'${HOME}', b'$', b'\0', b'+=',
         b'group', b'vpn', b'match', b'address', b'on', b'east', b'include("/etc/passwd")', b'0', b'::1',
         b"'", b'(', b'4294967296', b'x' * 300, b'\xff']
good = bad = 0
for n in range(300):
    text = bytearray(pair)
    for _ in range(r.randint(1, 4)):
        at = r.randrange(len(text) + 1)
        text[at:at + r.choice((0, 0, 1, 5, 50))] = b' '.join(r.choices(words, k=r.randint(0, 3)))
    if not n % 3:
        del text[r.randrange(len(text) + 1):]
    with open(name, 'wb') as f:
        f.write(text)
    done = subprocess.run([tool, 'check', name, 'node', 'east'], capture_output=True)
    ok = done.returncode == 0 and not done.stderr
    good += ok
    bad += done.returncode == 2
    if not ok and not (done.returncode == 2 and done.stderr.startswith(name.encode() + b':')):
        print('#', bytes(text), done.returncode, done.stderr)
        sys.exit(1)
print('#', good, 'were good,', bad, 'were not')
sys.exit(not good or not bad)
EOT
	done
fi
ktap_finished
