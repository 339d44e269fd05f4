/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xfrm_ha

#if !defined(_XFRM_HA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _XFRM_HA_TRACE_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(xha_record,
	TP_PROTO(u32 index, bool in, u64 seq, u64 packets),
	TP_ARGS(index, in, seq, packets),
	TP_STRUCT__entry(
		__field(u32, index)
		__field(bool, in)
		__field(u64, seq)
		__field(u64, packets)
	),
	TP_fast_assign(
		__entry->index = index;
		__entry->in = in;
		__entry->seq = seq;
		__entry->packets = packets;
	),
	TP_printk("index=%u dir=%s seq=%llu packets=%llu", __entry->index,
		  __entry->in ? "in" : "out", __entry->seq, __entry->packets)
);

DEFINE_EVENT(xha_record, xha_record_tx,
	TP_PROTO(u32 index, bool in, u64 seq, u64 packets),
	TP_ARGS(index, in, seq, packets)
);

DEFINE_EVENT(xha_record, xha_record_rx,
	TP_PROTO(u32 index, bool in, u64 seq, u64 packets),
	TP_ARGS(index, in, seq, packets)
);

TRACE_EVENT(xha_role,
	TP_PROTO(const char *group, u8 role, u32 term),
	TP_ARGS(group, role, term),
	TP_STRUCT__entry(
		__string(group, group)
		__field(u8, role)
		__field(u32, term)
	),
	TP_fast_assign(
		__assign_str(group);
		__entry->role = role;
		__entry->term = term;
	),
	TP_printk("group=%s role=%u term=%u", __get_str(group), __entry->role, __entry->term)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH control
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
