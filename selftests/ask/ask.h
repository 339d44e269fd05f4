/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ASK_H
#define ASK_H

int ask(int argc, char **argv, char **text);
void hang_up(void);

#endif
