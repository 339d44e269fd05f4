/* SPDX-License-Identifier: GPL-2.0 */
#ifndef XFRM_HA_BENCH_MARK_H
#define XFRM_HA_BENCH_MARK_H

/* Where no program has anything else: what is called to say that a measurement begins, or ends */
#define MARK_BEGIN	0x123456789000
#define MARK_END	0x123456789040

#ifdef MARKS
/* Two functions that do nothing; an emulator sees them called. */
static inline void marks(void)
{
	unsigned char *page = mmap((void *)MARK_BEGIN, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (page != (void *)MARK_BEGIN)
		die("mmap");
	/* In UML, too, this is an x86: ret */
	page[0] = 0xc3;
	page[MARK_END - MARK_BEGIN] = 0xc3;
}

static inline void mark(unsigned long addr)
{
	((void (*)(void))addr)();
}
#endif

#endif
