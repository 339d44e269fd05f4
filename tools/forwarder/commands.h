/* SPDX-License-Identifier: GPL-2.0 */
/* The forwarder's commands, for the tool's table. */
#ifndef XFRM_HA_FORWARDER_COMMANDS_H
#define XFRM_HA_FORWARDER_COMMANDS_H

int forwarder_run(int argc, char **argv);
int forwarder_set(int argc, char **argv);
int forwarder_show(int argc, char **argv);
int forwarder_workers(int argc, char **argv);
int forwarder_stat(int argc, char **argv);
int forwarder_pin(int argc, char **argv);
int forwarder_unpin(int argc, char **argv);

#endif
