// SPDX-License-Identifier: GPL-2.0
/* The queue discipline of that name, of the kernel that this is built for. */

#include <net/sched/sch_plug.c>
