-- SPDX-License-Identifier: GPL-2.0
--
-- Wireshark dissector of the link between two gateways, as docs/wire.rst draws it.
--
--	tshark -X lua_script:xfrm_ha.lua -o xfrm_ha.key_file:/etc/xfrm-ha/key -r FILE
--
-- or in a folder of plugins, see Help, About, Folders. With the key of the link and both HELLOs with
-- which a session began in the capture, what is sealed is decrypted, and its tag checked. Wireshark's
-- Lua has no cryptography: SHA-256, AES-256 and GHASH are here.

local band, bor, bxor, bnot = bit.band, bit.bor, bit.bxor, bit.bnot
local unpack = table.unpack or unpack
local ror, rshift, lshift, tobit = bit.ror, bit.rshift, bit.lshift, bit.tobit

local function be32(n)
	return string.char(band(rshift(n, 24), 255), band(rshift(n, 16), 255),
		band(rshift(n, 8), 255), band(n, 255))
end

local function word(s, at)
	local a, b, c, d = s:byte(at, at + 3)

	return bor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
end

-- SHA-256, HMAC, HKDF

local K = {}

do
	-- The first 32 bits of the fractional parts of the cube roots of the first 64 primes
	local n, prime = 0, 2

	while n < 64 do
		local is_prime = true

		for d = 2, math.floor(math.sqrt(prime)) do
			if prime % d == 0 then
				is_prime = false
			end
		end
		if is_prime then
			n = n + 1
			K[n] = tobit(math.floor(prime ^ (1 / 3) % 1 * 2 ^ 32))
		end
		prime = prime + 1
	end
end

local function sha256(text)
	local h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 }
	local w = {}

	text = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. be32(0) .. be32(8 * #text)
	for at = 1, #text, 64 do
		local a, b, c, d, e, f, g, x = unpack(h)

		for i = 1, 64 do
			if i <= 16 then
				w[i] = word(text, at + 4 * (i - 1))
			else
				local y, z = w[i - 15], w[i - 2]

				y = bxor(ror(y, 7), ror(y, 18), rshift(y, 3))
				z = bxor(ror(z, 17), ror(z, 19), rshift(z, 10))
				w[i] = tobit(w[i - 16] + y + w[i - 7] + z)
			end
			local t = x + bxor(ror(e, 6), ror(e, 11), ror(e, 25)) +
				bxor(band(e, f), band(bnot(e), g)) + K[i] + w[i]
			local u = bxor(ror(a, 2), ror(a, 13), ror(a, 22)) +
				bxor(band(a, b), band(a, c), band(b, c))
			a, b, c, d, e, f, g, x = tobit(t + u), a, b, c, tobit(d + t), e, f, g
		end
		for i, v in ipairs({ a, b, c, d, e, f, g, x }) do
			h[i] = tobit(h[i] + v)
		end
	end
	for i = 1, 8 do
		h[i] = be32(h[i])
	end
	return table.concat(h)
end

local function xor_all(s, n)
	return (s:gsub(".", function(c) return string.char(bxor(c:byte(), n)) end))
end

local function hmac(key, text)
	if #key > 64 then
		key = sha256(key)
	end
	key = key .. ("\0"):rep(64 - #key)
	return sha256(xor_all(key, 0x5c) .. sha256(xor_all(key, 0x36) .. text))
end

local function hkdf(psk, salt, label, context, len)
	local prk, t, out, i = hmac(salt, psk), "", "", 1

	while #out < len do
		t = hmac(prk, t .. label .. context .. string.char(i))
		out = out .. t
		i = i + 1
	end
	return out:sub(1, len)
end

-- AES-256, one block

local S, T = {}, {}

do
	local p, q = 1, 1

	repeat
		p = band(bxor(p, lshift(p, 1), p >= 128 and 0x1b or 0), 255)
		q = bxor(q, lshift(q, 1))
		q = bxor(q, lshift(q, 2))
		q = band(bxor(q, lshift(q, 4)), 255)
		if q >= 128 then
			q = bxor(q, 9)
		end
		local x = bxor(q, lshift(q, 1), lshift(q, 2), lshift(q, 3), lshift(q, 4))

		S[p] = bxor(band(bxor(x, rshift(x, 8)), 255), 0x63)
	until p == 1
	S[0] = 0x63
	for i = 0, 255 do
		local s = S[i]
		local two = band(bxor(lshift(s, 1), s >= 128 and 0x1b or 0), 255)

		T[i] = bor(lshift(two, 24), lshift(s, 16), lshift(s, 8), bxor(two, s))
	end
end

local function sub_word(w)
	return bor(lshift(S[rshift(w, 24)], 24), lshift(S[band(rshift(w, 16), 255)], 16),
		lshift(S[band(rshift(w, 8), 255)], 8), S[band(w, 255)])
end

local function expand(key)
	local w, rcon = {}, 1

	for i = 0, 59 do
		if i < 8 then
			w[i] = word(key, 4 * i + 1)
		else
			local t = w[i - 1]

			if i % 8 == 0 then
				t = bxor(sub_word(bit.rol(t, 8)), lshift(rcon, 24))
				rcon = rcon * 2
			elseif i % 8 == 4 then
				t = sub_word(t)
			end
			w[i] = bxor(w[i - 8], t)
		end
	end
	return w
end

local function aes(w, a, b, c, d)
	local function mix(p, q, r, s, k)
		return bxor(T[rshift(p, 24)], ror(T[band(rshift(q, 16), 255)], 8),
			ror(T[band(rshift(r, 8), 255)], 16), ror(T[band(s, 255)], 24), k)
	end
	local function last(p, q, r, s, k)
		return bxor(bor(lshift(S[rshift(p, 24)], 24), lshift(S[band(rshift(q, 16), 255)], 16),
			lshift(S[band(rshift(r, 8), 255)], 8), S[band(s, 255)]), k)
	end

	a, b, c, d = bxor(a, w[0]), bxor(b, w[1]), bxor(c, w[2]), bxor(d, w[3])
	for i = 4, 52, 4 do
		a, b, c, d = mix(a, b, c, d, w[i]), mix(b, c, d, a, w[i + 1]),
			mix(c, d, a, b, w[i + 2]), mix(d, a, b, c, w[i + 3])
	end
	return last(a, b, c, d, w[56]), last(b, c, d, a, w[57]), last(c, d, a, b, w[58]),
		last(d, a, b, c, w[59])
end

-- GCM

local function gcm_key(key)
	local k = { w = expand(key:sub(1, 32)), salt = word(key, 33), h = {} }
	local a, b, c, d = aes(k.w, 0, 0, 0, 0)

	-- The key of GHASH, times each power of x
	for i = 0, 127 do
		local low = band(d, 1)

		k.h[i] = { a, b, c, d }
		d = bor(rshift(d, 1), lshift(c, 31))
		c = bor(rshift(c, 1), lshift(b, 31))
		b = bor(rshift(b, 1), lshift(a, 31))
		a = rshift(a, 1)
		if low == 1 then
			a = bxor(a, 0xe1000000)
		end
	end
	return k
end

local function ghash(k, text)
	local y = { 0, 0, 0, 0 }

	for at = 1, #text, 16 do
		local a, b, c, d = 0, 0, 0, 0

		for i = 0, 3 do
			local w = bxor(y[i + 1], word(text, at + 4 * i))

			for j = 0, 31 do
				if w < 0 then
					local h = k.h[32 * i + j]

					a, b, c, d = bxor(a, h[1]), bxor(b, h[2]), bxor(c, h[3]),
						bxor(d, h[4])
				end
				w = lshift(w, 1)
			end
		end
		y = { a, b, c, d }
	end
	return y
end

local function padded(s)
	return s .. ("\0"):rep(-#s % 16)
end

-- The text, or nil: the tag is another one
local function open(k, header, sealed)
	local number = { word(header, 9), word(header, 13) }
	local text, tag = sealed:sub(1, -17), sealed:sub(-16)
	local y = ghash(k, padded(header) .. padded(text) .. be32(0) .. be32(8 * #header) ..
		be32(0) .. be32(8 * #text))
	local mask = { aes(k.w, k.salt, number[1], number[2], 1) }
	local out = {}

	for i = 1, 4 do
		if bxor(y[i], mask[i]) ~= word(tag, 4 * i - 3) then
			return nil
		end
	end
	text = padded(text)
	for at = 1, #text, 16 do
		mask = { aes(k.w, k.salt, number[1], number[2], 2 + (at - 1) / 16) }
		for i = 0, 3 do
			out[#out + 1] = be32(bxor(word(text, at + 4 * i), mask[i + 1]))
		end
	end
	return table.concat(out):sub(1, #sealed - 16)
end

-- Fields

local xha = Proto("xfrm_ha", "xfrm_ha link")
local f = {}

local function field(name, kind, title, ...)
	f[name] = ProtoField[kind]("xfrm_ha." .. name, title, ...)
end

local types = { [1] = "HELLO", [2] = "DATA" }
local kinds = { [1] = "OUT", [2] = "IN", [0x30] = "ANNOUNCE", [0x31] = "GONE", [0x32] = "NAK",
	[0x33] = "ASK", [0x34] = "GROUP", [0x35] = "HEARTBEAT", [0x36] = "SYNCED" }
local roles = { [0] = "standby", "active", "handover", "request" }
local modes = { [0] = "legacy", "bitmap", "ESN" }

field("version", "uint8", "Version")
field("type", "uint8", "Type", base.DEC, types, 0xf0)
field("elicit", "bool", "To be acknowledged", 8, nil, 0x01)
field("soon", "bool", "Soon", 8, nil, 0x02)
field("length", "uint16", "Length")
field("session", "uint32", "Session of the receiver", base.HEX)
field("number", "uint64", "Frame number")
field("hello.node", "uint32", "Node id", base.HEX)
field("hello.session", "uint32", "Session of the sender", base.HEX)
field("hello.heartbeat", "uint16", "Heartbeat (ms)")
field("hello.dead", "uint8", "Dead after heartbeats")
field("hello.insecure", "bool", "Insecure", 8, nil, 0x01)
field("hello.nonce", "bytes", "Nonce")
field("hello.echo", "bytes", "Echo of the receiver's nonce")
field("hello.mac", "bytes", "HMAC-SHA-256")
field("authentic", "bool", "Authentic")
field("sealed", "bytes", "Sealed")
field("tag", "bytes", "Tag")
field("ack.largest", "uint64", "Largest frame number received")
field("ack.bits", "uint64", "Received below it", base.HEX)
field("message", "none", "Message")
field("kind", "uint8", "Kind", base.HEX, kinds)
field("final", "bool", "FINAL: the sender has stopped, the number is exact", 8, nil, 0x01)
field("bitmap_follows", "bool", "BITMAP", 8, nil, 0x02)
field("lease", "bool", "LEASE: the sender will use numbers up to it", 8, nil, 0x04)
field("exact", "bool", "EXACT: the sender may have used numbers up to it", 8, nil, 0x08)
field("nak.unknown", "bool", "A record of what was not announced", 8, nil, 0x01)
field("nak.room", "bool", "No room for what was announced", 8, nil, 0x02)
field("message.length", "uint16", "Length")
field("index", "uint32", "Index of the SA at the sender", base.DEC, nil, 0xffffff)
field("out", "uint64", "Outbound number")
field("in", "uint64", "Right edge")
field("bytes", "uint64", "Octets")
field("packets", "uint64", "Packets")
field("width", "uint16", "Width of the window")
field("bitmap", "bytes", "Window")
field("family", "uint8", "Family")
field("proto", "uint8", "Protocol")
field("spi", "uint32", "SPI", base.HEX)
field("mark", "uint32", "Mark", base.HEX)
field("mark_mask", "uint32", "Mask of the mark", base.HEX)
field("if_id", "uint32", "if_id")
field("dst", "ipv4", "Destination")
field("dst6", "ipv6", "Destination")
field("key_id", "uint64", "Key id", base.HEX)
field("mode", "uint8", "Replay mode", base.DEC, modes)
field("stripe", "uint8", "Stripe (bits)")
field("group.id", "uint16", "Number of the group")
field("incarnation", "uint32", "Incarnation of the sender", base.HEX)
field("peer_incarnation", "uint32", "Incarnation of the receiver", base.HEX)
field("share.first", "uint32", "Share: first")
field("share.step", "uint32", "Share: step")
field("node_incarnation", "uint32", "Incarnation of the sender's node", base.HEX)
field("group.node", "uint32", "Node id", base.HEX)
field("group.term", "uint32", "Term")
field("group.role", "uint8", "Role", base.DEC, roles)
field("group.name", "stringz", "Name of the group")
field("group.sas", "uint32", "SAs")
field("group.missing", "uint32", "SAs missing")

local all = {}
for _, one in pairs(f) do
	all[#all + 1] = one
end
xha.fields = all

local malformed = ProtoExpert.new("xfrm_ha.malformed", "Malformed", expert.group.MALFORMED,
	expert.severity.ERROR)
local forged = ProtoExpert.new("xfrm_ha.forged", "Not authentic: another key, or forged",
	expert.group.CHECKSUM, expert.severity.ERROR)
local unread = ProtoExpert.new("xfrm_ha.not_decrypted",
	"Not decrypted: no key, or not both HELLOs of its session", expert.group.DECRYPTION,
	expert.severity.NOTE)
xha.experts = { malformed, forged, unread }

xha.prefs.key_file = Pref.string("Key file", "", "Key of the link: 32 octets, or 64 hexadecimal digits")
xha.prefs.ethertype = Pref.string("EtherTypes", "88b5", "Hexadecimal, with blanks between")

-- What was heard before: HELLOs, by sender, and keys, by sender and the receiver's session

local key, hello_key, hellos, keys, texts

local function read_key()
	local file = xha.prefs.key_file ~= "" and io.open(xha.prefs.key_file, "rb")
	local text = file and file:read("*a") or ""

	if file then
		file:close()
	end
	if #text ~= 32 then
		local digits = text:match("^(%x+)%s*$")

		text = digits and #digits == 64 and
			digits:gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end) or ""
	end
	key = #text == 32 and text or nil
	hello_key = key and hkdf(key, "xfrm_ha 1 hello", "xfrm_ha 1 hello", "", 32)
end

local table_of_ethertypes = DissectorTable.get("ethertype")
local registered = {}

local function register()
	for _, n in ipairs(registered) do
		table_of_ethertypes:remove(n, xha)
	end
	registered = {}
	for word_ in xha.prefs.ethertype:gmatch("%x+") do
		registered[#registered + 1] = tonumber(word_, 16)
		table_of_ethertypes:add(tonumber(word_, 16), xha)
	end
end

function xha.init()
	hellos, keys, texts = {}, {}, {}
	read_key()
end

function xha.prefs_changed()
	register()
	hellos, keys, texts = {}, {}, {}
	read_key()
end

-- Lists, for a session has several HELLOs, and a gateway several sessions
local function keep_hello(from, h)
	local list = hellos[from] or {}

	hellos[from] = list
	for _, other in ipairs(list) do
		if other.nonce == h.nonce and other.echo == h.echo and other.session == h.session then
			return
		end
	end
	list[#list + 1] = h
end

-- The key of what @from seals for @to in the session that @to has called @session: of those that the
-- HELLOs leave possible the one by which the tag is right. Its nonce is in what it said to answer that
-- session's HELLO, or in the echo of that.
local function find_key(from, to, session, header, sealed)
	local name = from .. to .. session
	local candidates, text = {}, nil

	if keys[name] then
		return open(keys[name], header, sealed)
	end
	for _, theirs in ipairs(hellos[to] or {}) do
		for _, ours in ipairs(theirs.session == session and hellos[from] or {}) do
			if ours.echo == theirs.nonce or theirs.echo == ours.nonce then
				local both = ours.node < theirs.node and ours.nonce .. theirs.nonce or
					theirs.nonce .. ours.nonce

				candidates[both .. ours.node] = { both, ours.node }
			end
		end
	end
	for _, c in pairs(candidates) do
		local k = gcm_key(hkdf(key, c[1], "xfrm_ha 1 session", c[2] .. session, 36))

		text = open(k, header, sealed)
		if text then
			keys[name] = k
			return text
		end
	end
	return nil
end

-- Dissection

local function add_flags(tree, at)
	for _, flag in ipairs({ "final", "bitmap_follows", "lease", "exact" }) do
		tree:add(f[flag], at)
	end
end

local function add_list(tree, buf, at, list)
	for _, l in ipairs(list) do
		tree:add(f[l[1]], buf(at, l[2]))
		at = at + l[2]
	end
end

local function add_identity(tree, buf)
	add_list(tree, buf, 0, { { "family", 1 }, { "proto", 1 } })
	add_list(tree, buf, 4, { { "spi", 4 }, { "mark", 4 }, { "mark_mask", 4 }, { "if_id", 4 } })
	if buf(0, 1):uint() == 4 then
		tree:add(f.dst, buf(20, 4))
	else
		tree:add(f.dst6, buf(20, 16))
	end
	tree:add(f.key_id, buf(36, 8))
end

-- Octets that it takes, or nil
local function record(buf, tree, kind)
	local len, width = 24, 0

	if buf:len() < len then
		return nil
	end
	tree:add(f.kind, buf(0, 1), kind)
	add_flags(tree, buf(0, 1))
	tree:add(f.index, buf(0, 4))
	tree:add(kind == 2 and f["in"] or f.out, buf(4, 8))
	tree:add(f.bytes, buf(12, 6), buf(12, 6):uint64())
	tree:add(f.packets, buf(18, 6), buf(18, 6):uint64())
	if band(buf(0, 1):uint(), 2) ~= 0 then
		if kind ~= 2 or buf:len() < 28 then
			return nil
		end
		width = buf(24, 2):uint()
		len = 28 + 4 * math.ceil(width / 32)
		if buf:len() < len then
			return nil
		end
		tree:add(f.width, buf(24, 2))
		if len > 28 then
			tree:add(f.bitmap, buf(28, len - 28))
		end
	end
	return len
end

local least = { [0x30] = 108, [0x31] = 8, [0x32] = 8, [0x33] = 48, [0x34] = 40 }

local function control(buf, tree, kind)
	local len = buf(2, 2):uint()

	if kind < 0x30 or len % 4 ~= 0 or len > buf:len() or len < (least[kind] or 4) then
		return nil
	end
	tree:add(f.kind, buf(0, 1))
	if kind == 0x30 then
		add_flags(tree, buf(1, 1))
	end
	tree:add(f["message.length"], buf(2, 2))
	if kind == 0x30 then
		tree:add(f.index, buf(4, 4))
		add_identity(tree, buf(8, 44))
		add_list(tree, buf, 52, { { "mode", 1 }, { "stripe", 1 }, { "group.id", 2 }, { "out", 8 },
			{ "in", 8 }, { "bytes", 8 }, { "packets", 8 }, { "incarnation", 4 },
			{ "peer_incarnation", 4 }, { "share.first", 4 }, { "share.step", 4 },
			{ "node_incarnation", 4 } })
	elseif kind == 0x31 or kind == 0x32 then
		if kind == 0x32 then
			tree:add(f["nak.unknown"], buf(1, 1))
			tree:add(f["nak.room"], buf(1, 1))
		end
		tree:add(f.index, buf(4, 4))
	elseif kind == 0x33 then
		add_identity(tree, buf(4, 44))
	elseif kind == 0x34 then
		add_list(tree, buf, 4, { { "group.node", 4 }, { "group.term", 4 }, { "group.role", 1 } })
		add_list(tree, buf, 14, { { "group.id", 2 }, { "group.name", 16 }, { "group.sas", 4 },
			{ "group.missing", 4 } })
	end
	return len
end

local function payload(buf, tree, words)
	local at = 16

	if buf:len() < at then
		tree:add_proto_expert_info(malformed)
		return
	end
	add_list(tree, buf, 0, { { "ack.largest", 8 }, { "ack.bits", 8 } })
	while at < buf:len() do
		local rest = buf(at)
		local kind = rest(0, 1):uint()
		local sub, len

		kind = rshift(kind, 4) <= 2 and rshift(kind, 4) or kind
		sub = tree:add(f.message, rest)
		sub:set_text(kinds[kind] or string.format("Unknown kind 0x%02x", kind))
		if rest:len() >= 4 then
			len = kind <= 2 and kind > 0 and record(rest, sub, kind) or
				kind > 2 and control(rest, sub, kind)
		end
		if not len then
			sub:add_proto_expert_info(malformed)
			return
		end
		sub:set_len(len)
		words[#words + 1] = kinds[kind] or "?"
		at = at + len
	end
end

local function hello(buf, tree, frame, from)
	local h, mac

	if buf:len() < 108 then
		tree:add_proto_expert_info(malformed)
		return
	end
	add_list(tree, buf, 0, { { "hello.node", 4 }, { "hello.session", 4 }, { "hello.heartbeat", 2 },
		{ "hello.dead", 1 }, { "hello.insecure", 1 }, { "hello.nonce", 32 },
		{ "hello.echo", 32 }, { "hello.mac", 32 } })
	h = { node = buf:raw(0, 4), session = buf:raw(4, 4), nonce = buf:raw(12, 32),
		echo = buf:raw(44, 32) }
	if hello_key and buf(11, 1):uint() == 0 then
		mac = hmac(hello_key, frame:raw(0, 16 + 76)) == buf:raw(76, 32)
		tree:add(f.authentic, mac):set_generated()
		if not mac then
			tree:add_proto_expert_info(forged)
			return
		end
	end
	h.insecure = buf(11, 1):uint() == 1
	keep_hello(from, h)
end

local function is_insecure(from)
	local list = hellos[from]

	return list and list[#list].insecure
end

function xha.dissector(buf, pinfo, root)
	local from, to = tostring(pinfo.dl_src), tostring(pinfo.dl_dst)
	local kind, len, tree, body, text
	local words = {}

	if buf:len() < 16 or buf(0, 1):uint() ~= 2 then
		return 0
	end
	pinfo.cols.protocol = "xfrm_ha"
	kind, len = rshift(buf(1, 1):uint(), 4), buf(2, 2):uint()
	tree = root:add(xha, buf(0, math.min(16 + len, buf:len())))
	add_list(tree, buf, 0, { { "version", 1 }, { "type", 1 } })
	tree:add(f.elicit, buf(1, 1))
	tree:add(f.soon, buf(1, 1))
	add_list(tree, buf, 2, { { "length", 2 }, { "session", 4 }, { "number", 8 } })
	pinfo.cols.info = types[kind] or "unknown type"
	if not types[kind] or len > buf:len() - 16 or len == 0 then
		tree:add_proto_expert_info(malformed)
		return buf:len()
	end
	-- Tvbs of their own: what is behind the length is padding.
	body = buf(16, len):tvb()
	if kind == 1 then
		hello(body, tree, buf, from)
		return 16 + len
	end
	if is_insecure(from) then
		payload(body, tree, words)
	elseif len < 32 then
		tree:add_proto_expert_info(malformed)
	else
		tree:add(f.sealed, body(0, len - 16))
		tree:add(f.tag, body(len - 16, 16))
		if texts[pinfo.number] == nil and key then
			texts[pinfo.number] = find_key(from, to, buf:raw(4, 4), buf:raw(0, 16),
				body:raw(0, len)) or false
		end
		text = texts[pinfo.number]
		if text then
			tree:add(f.authentic, true):set_generated()
			payload(ByteArray.new(text, true):tvb("Decrypted"), tree, words)
		else
			tree:add_proto_expert_info(unread)
		end
	end
	pinfo.cols.info = string.format("DATA %s: %s", tostring(buf(8, 8):uint64()),
		table.concat(words, " "))
	return 16 + len
end

register()
